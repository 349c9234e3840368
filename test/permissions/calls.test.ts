import { expect, test } from 'vitest'
import { readSources } from '../structure/source.ts'

// A call that is missing here needs a scenario in scenarios.ts.
const lib = readSources(['lib'], '.ts').map(({ text }) => text)
const found = (pattern: RegExp) =>
  lib.flatMap((text) => [...text.matchAll(pattern)].map(([, name]) => name)).toSorted()

test('the functions make these kinds of calls to AWS', () => {
  expect(found(/\bnew (\w+)Command\(/g)).toEqual([
    'BatchGetItem',
    'ChangeMessageVisibility',
    'GetItem',
    'GetSecretValue',
    'SendMessage',
    'SendMessage',
    'UpdateItem',
  ])
})

test('the state table has these kinds of items', () => {
  expect(found(/`(\w+)#\$\{/g)).toEqual(['account', 'consumer', 'domains', 'quarantined', 'request'])
})
