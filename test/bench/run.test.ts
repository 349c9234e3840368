import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import { DOORS, PEERS } from '../../bench/bundles.ts'
import type { Comparison } from '../../bench/comparison.ts'

const bench = async (...args: readonly string[]) => {
  const { stdout } = await promisify(execFile)(process.execPath, ['bench/run.ts', ...args], {
    maxBuffer: 16e6,
  })
  return stdout
}

let peers: Comparison['peers']
let tls: Comparison
beforeAll(async () => {
  const comparison: Comparison = JSON.parse(await bench('--quick', '--json'))
  peers = comparison.peers
  tls = JSON.parse(await bench('--quick', '--json', '--tls'))
}, 240_000)

describe('the packaged functions call', () => {
  test.each([
    ['a new consumer', 'newForm', { idp: 1, conversation: 1 }],
    ['a known consumer', 'knownForm', { idp: undefined, conversation: 1 }],
    ['a record of a new consumer', 'newBatch', { idp: 1, conversation: 1 }],
    ['a record of a known consumer', 'knownBatch', { idp: undefined, conversation: 1 }],
  ] as const)('for %s: LivePerson as often as needed, and DynamoDB three times', (_, workload, expected) => {
    const { dynamodbReads: _reads, dynamodbRoundTrips, ...calls } = peers.ours.calls[workload]
    expect(calls).toEqual({ ...JSON.parse(JSON.stringify(expected)), dynamodbWrites: 3 })
    expect(dynamodbRoundTrips).toBeLessThan(2.5)
  })

  test('nothing that the benchmark does not know', () => {
    for (const peer of PEERS)
      for (const calls of Object.values(peers[peer].calls)) expect(calls.unknown).toBeUndefined()
  })
})

describe('a comparison', () => {
  test('measures every peer at both doors', () => {
    for (const peer of PEERS) {
      const { cpuMs, durationsMs, opensPerSecond, peakRssMb, coldMs, importMs, codeKb } = peers[peer]
      const values = [cpuMs, opensPerSecond].flatMap((each) => Object.values(each)).flat()
      const perDoor = DOORS.flatMap((door) => [
        peakRssMb[door],
        codeKb[door],
        ...coldMs[door],
        ...importMs[door],
      ])
      for (const value of [...values, ...perDoor, ...Object.values(durationsMs).flat(2)])
        expect(value).toBeGreaterThan(0)
      // A hop takes 40 ms, and a call of AWS 5 ms.
      expect(Math.min(...durationsMs.newForm.flat())).toBeGreaterThan(84)
      expect(Math.min(...durationsMs.knownForm.flat())).toBeGreaterThan(48)
    }
  })

  test('opens the same conversations with TLS', () => {
    for (const peer of PEERS) {
      const { calls } = tls.peers[peer]
      expect(calls.newForm.conversation).toBe(1)
      expect(calls.knownBatch.conversation).toBe(1)
    }
    expect(tls.tls).toBe(true)
  })
})

test('growth is measured by consumers, backlog and accounts', async () => {
  const rows: readonly { readonly what: string; readonly cpuMs: number }[] = JSON.parse(
    await bench('growth', '--quick', '--json'),
  )
  expect(rows.map(({ what }) => what)).toEqual([
    'after 20 consumers',
    'after 40 consumers',
    'a batch of 10 alone',
    'a batch of 10 beside 100',
    '1 account',
    '12 accounts',
  ])
  for (const { cpuMs } of rows) expect(cpuMs).toBeGreaterThan(0)
}, 120_000)
