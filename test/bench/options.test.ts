import { describe, expect, test } from 'vitest'
import { HELP, parseOptions, SUBJECTS } from '../../bench/options.ts'

const DEFAULTS = { subject: 'compare', tls: false, quick: false, json: false, help: false, from: undefined }

test.each([
  [[], {}],
  [['--tls', '--quick'], { tls: true, quick: true }],
  [['growth', '--json'], { subject: 'growth', json: true }],
  [['plot', '--from', 'x.json'], { subject: 'plot', from: 'x.json' }],
  [['memory', '-h'], { subject: 'memory', help: true }],
])('%j is understood', (args, expected) => {
  expect(parseOptions(args)).toEqual({ ...DEFAULTS, ...expected })
})

test.each([
  [['speed'], 'There is no speed'],
  [['growth', 'plot'], 'There is no growth plot'],
  [['memory'], 'memory needs --from'],
  [['plot'], 'plot needs --from'],
  [['--fast'], '--fast'],
])('%j is refused', (args, message) => {
  expect(() => parseOptions(args)).toThrow(message)
})

describe('the help', () => {
  test.each(SUBJECTS)('names %s', (subject) => {
    expect(HELP).toContain(`\n  ${subject} `)
  })
})
