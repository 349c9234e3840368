import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readOutcomeEvent } from '../../lib/conversation/outcome-event.ts'
import { matchesPattern } from '../../local/aws/event-pattern.ts'
import { DETAIL_TYPES, outcomeDetail } from '../../tools/contracts/outcome.ts'
import { projectRoot } from '../structure/source.ts'
import { codeBlocksOf, documents } from './markdown.ts'

const page = documents.find(({ path }) => path === 'docs/outcomes.md') ?? { path: '', text: '' }
const examples = codeBlocksOf(page)
  .filter(({ language }) => language === 'json')
  .map(({ text }) => JSON.parse(text))
const event = examples.find((example) => 'detail-type' in example)
const pattern = examples.find((example) => Array.isArray(example.source))
const policy = examples.find((example) => 'Statement' in example)

test('every example is one of those that are checked here', () => {
  expect(examples.length).toBe(3)
  expect([event, pattern, policy]).not.toContain(undefined)
})

test('the event is one that the service publishes', () => {
  expect(readOutcomeEvent(event)).toBeDefined()
  outcomeDetail.parse(event.detail)
})

test('the pattern selects the event, and not those of another stage, account or service', () => {
  const changed = (members: object) => matchesPattern(pattern, { ...event, ...members })
  expect(changed({})).toBe(true)
  expect(changed({ source: 'other' })).toBe(false)
  expect(changed({ resources: [event.resources[0].replace('-dev-', '-prod-')] })).toBe(false)
  expect(changed({ detail: { ...event.detail, accountId: '70999999' } })).toBe(false)
})

test('the tables have every type and every member', () => {
  for (const type of Object.keys(DETAIL_TYPES)) expect(page.text).toContain(`| \`${type}\` |`)
  for (const member of Object.keys(outcomeDetail.shape))
    expect(page.text).toMatch(new RegExp(`^\\| .*\`${member}\``, 'm'))
})

describe('the consumer', () => {
  const [{ text = '' } = {}] = codeBlocksOf(page).filter(({ language }) => language === 'ts')
  const detailOf = (requestId: string, sequence: number) => ({ ...event.detail, requestId, sequence })

  test('keeps the newest outcome of each request, whatever the order, and ignores duplicates', () => {
    const { receive, newest } = new Function(`${text}; return { receive, newest }`)()
    const order = [detailOf('a', 2), detailOf('a', 1), detailOf('b', 1), detailOf('a', 2), detailOf('a', 3)]
    expect(order.map((detail) => receive({ detail }))).toEqual([true, false, true, false, true])
    expect([...newest.values()].map(({ requestId, sequence }) => [requestId, sequence])).toEqual([
      ['a', 3],
      ['b', 1],
    ])
  })
})

test('the policy allows the calls of the two commands, and no others', () => {
  const allowed = policy.Statement.flatMap(({ Action }: { Action: string | readonly string[] }) => Action)
  const sources = ['cli/outcome-subscription.ts', 'cli/commands/outcomes.ts'].map((path) =>
    readFileSync(join(projectRoot, path), 'utf8'),
  )
  const service = (name: string) =>
    /Rule|Target/.test(name) ? 'events' : /Table/.test(name) ? 'dynamodb' : 'sqs'
  const commands = sources.flatMap((text) =>
    [...text.matchAll(/new (\w+)Command\(/g)].map(([, name = '']) => name),
  )
  const called = commands.map((name) => `${service(name)}:${name.replace('MessageBatch', 'Message')}`)
  expect([...new Set([...called, 'dynamodb:Scan', 'events:PutEvents'])].toSorted()).toEqual(
    allowed.toSorted(),
  )
})
