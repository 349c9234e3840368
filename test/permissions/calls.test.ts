import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { deploy } from '../security/deployment.ts'
import { readSources } from '../structure/source.ts'

// A call that is missing here needs a scenario in scenarios.ts.
const lib = readSources(['lib'], '.ts').map(({ text }) => text)
const found = (pattern: RegExp) =>
  lib.flatMap((text) => [...text.matchAll(pattern)].map(([, name]) => name)).toSorted()

// Scan is for npm run ops -- erase and outcomes republish.
test('lib/ makes these kinds of calls to AWS', () => {
  expect(found(/\bnew (\w+)Command\(/g)).toEqual(['GetSecretValue'])
  expect(found(/\bcall\('(\w+)'/g)).toEqual([
    'BatchGetItem',
    'ChangeMessageVisibility',
    'GetItem',
    'PutEvents',
    'Scan',
    'SendMessage',
    'UpdateItem',
  ])
})

test('the state table has these kinds of items', () => {
  expect(found(/`(\w+)#\$\{/g)).toEqual([
    'account',
    'consumer',
    'domains',
    'quarantined',
    'refused',
    'request',
  ])
})

test('no function can scan the table: its bundle has no such operation', async () => {
  const { handlers, remove } = await deploy()
  const bundles = await Promise.all(
    Object.entries(handlers).map(
      async ([name, url]) => [name, await readFile(new URL(url), 'utf8')] as const,
    ),
  )
  await remove()
  expect(bundles).toHaveLength(6)
  for (const [name, bundle] of bundles) {
    // It reads the table's stream only.
    expect([name, bundle.includes('"UpdateItem"')]).toEqual([name, name !== 'publishOutcomes'])
    expect(bundle).not.toMatch(/\bScan\b/)
  }
})
