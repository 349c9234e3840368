import { describe, expect, test } from 'vitest'
import { checkStageFile, checkStageText, toLines } from '../../tools/stage-check.ts'
import { BROKEN, STAGE, textOf, withoutNames } from './broken-stages.ts'

const check = (text: string) => checkStageText(text, { loopback: false })

describe('the check of a stage file finds', () => {
  test('nothing in a valid file', () => {
    expect(check(STAGE)).toEqual({ findings: [], stage: expect.objectContaining({ giveUpAfterHours: 72 }) })
  })

  test.each(BROKEN)('$name', ({ severity = 'error', found, ...broken }) => {
    const { findings, stage } = check(textOf(broken))
    const lines = findings.map(({ path, message, line, column }) =>
      withoutNames(`${line}:${column}: ${path || 'the file'} ${message}`),
    )
    expect(lines).toEqual(found)
    expect(new Set(findings.map((finding) => finding.severity))).toEqual(new Set([severity]))
    expect(stage === undefined).toBe(severity === 'error')
  })

  test('more than 40 mistakes in this table, each with its own name', () => {
    expect(BROKEN.length).toBeGreaterThanOrEqual(40)
    expect(new Set(BROKEN.map(({ name }) => name)).size).toBe(BROKEN.length)
  })
})

test.each([
  ['"allowedHeaders"', '"headers"', ['$schema', 'origins', 'allowedHeaders', 'giveUpAfterHours', 'accounts']],
  ['"default": true', '"region": "eu"', ['accountId', 'default', 'form', 'queue', 'onLostAnswer', 'routes']],
  [
    '"doors": ["form"]',
    '"doors": ["form"], "x": 1',
    ['campaignId', 'engagementId', 'ttr', 'ttrAllowed', 'doors', 'consumers', 'engagementAttributes'],
  ],
  ['"ctype": "web"', '"type": "web"', ['ctype', 'cstatus', 'balance', 'currency', 'customerId']],
])('in place of %s, %s is unknown, and the names that are known there are listed', (from, to, names) => {
  const [finding, ...others] = check(STAGE.replace(from, to)).findings
  const [, list = ''] = finding?.message.split('Allowed here: ') ?? []
  expect(list.split(', ')).toEqual(expect.arrayContaining(names))
  expect(others).toEqual([])
})

test('a byte order mark is no mistake, and other mistakes keep their places', () => {
  expect(check(`\ufeff${STAGE}`).findings).toEqual([])
})

test('nesting that the functions refuse is a mistake', () => {
  const deep = `${'['.repeat(17)}${']'.repeat(17)}`
  expect(check(STAGE.replace('[],', `${deep},`)).findings).toContainEqual(
    expect.objectContaining({ message: 'is nested deeper than 16 levels', line: 4 }),
  )
})

test('a stage without a file is a mistake that names the stages which have one', () => {
  const report = checkStageFile('prod')
  expect(toLines([report])).toEqual([
    'config/prod.json: error: the file is missing: write it, or name one of the stages that have a file: dev, local.',
  ])
  expect(report.stage).toBeUndefined()
})
