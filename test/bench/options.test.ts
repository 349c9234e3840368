import { describe, expect, test } from 'vitest'
import { HELP, parseOptions, SUBJECTS } from '../../bench/options.ts'

const DEFAULTS = { subject: 'compare', tls: false, quick: false, json: false, help: false, from: undefined }

test.each([
  [[], {}],
  [['--tls', '--quick'], { tls: true, quick: true }],
  [['growth', '--json'], { subject: 'growth', json: true }],
  [['docs', '--from', 'x.json'], { subject: 'docs', from: 'x.json' }],
  [['memory', '-h'], { subject: 'memory', help: true }],
])('%j is understood', (args, expected) => {
  expect(parseOptions(args)).toEqual({ ...DEFAULTS, ...expected })
})

test.each([
  [['speed'], 'There is no speed'],
  [['growth', 'docs'], 'There is no growth docs'],
  [['memory'], 'memory needs --from'],
  [['docs'], 'docs needs --from'],
  [['--fast'], '--fast'],
])('%j is refused', (args, message) => {
  expect(() => parseOptions(args)).toThrow(message)
})

describe('the help', () => {
  test.each(SUBJECTS)('names %s', (subject) => {
    expect(HELP).toContain(`\n  ${subject} `)
  })
})
