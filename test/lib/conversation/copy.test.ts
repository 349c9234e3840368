import { describe, expect, test } from 'vitest'
import { parseStageConfig } from '../../../lib/config/stage.ts'
import { createAnswerCopy } from '../../../lib/conversation/copy.ts'
import { type Facts, NOTHING } from '../../../lib/conversation/facts.ts'
import type { Job } from '../../../lib/conversation/job.ts'
import type { Original } from '../../../lib/conversation/ledger.ts'
import type { Result } from '../../../lib/conversation/protocol.ts'
import { acceptedRequest } from './fakes.ts'

const START = 1_800_000_000_000
const C1 = { kind: 'opened', conversationId: 'c-1' } as const
const QUEUED: Result = { kind: 'queued', kept: 'in_hand_over' }

const [account] = parseStageConfig(
  { accounts: [{ accountId: '70123456' }] },
  { name: 'the test', loopback: false },
).accounts

const jobOf = (): Job => {
  if (!account) throw new Error('The stage has one account')
  return {
    request: acceptedRequest({ door: 'form', vouchedBy: 'nobody', challengeHash: 'a'.repeat(64) }),
    account,
    destination: { campaignId: '1', engagementId: '2', ttr: 'NORMAL', routeAttributes: [] },
    acceptedAt: START,
    pausedMs: 0,
  }
}

const same = (
  facts: Partial<Facts>,
  members: Partial<Extract<Original, { kind: 'same' }>> = {},
): Original => ({
  kind: 'same',
  facts: { ...NOTHING, claim: { attempt: 1, releases: 1, state: 'done' }, ...facts },
  hasMessage: false,
  isHeld: false,
  ...members,
})
const held = (facts: Partial<Facts> = {}) =>
  same({ claim: { attempt: 1, releases: 0, state: 'held' }, ...facts }, { isHeld: true })
const failed = same({
  claim: { attempt: 1, releases: 1, state: 'failed', code: 'liveperson_unavailable' },
})

/** Answers a copy. The ledger shows one original after the other, and the last one from then on. */
const answer = async (
  originals: readonly [Original, ...Original[]],
  {
    mayAct = true,
    budgetMs = 6000,
    attempted = QUEUED,
  }: { readonly mayAct?: boolean; readonly budgetMs?: number; readonly attempted?: Result } = {},
) => {
  let time = START
  let looks = 0
  let turns = 0
  const attempts: Job[] = []
  const waits: number[] = []
  const answerCopy = createAnswerCopy({
    ledger: {
      findOriginal: async () => originals[Math.min(looks++, originals.length - 1)] ?? originals[0],
      takeTurn: async () => {
        turns++
        return mayAct
      },
    },
    attempt: async (job, carrier) => {
      expect(carrier).toEqual({ kind: 'memory' })
      attempts.push(job)
      return attempted
    },
    now: () => time,
    sleep: async (ms) => {
      waits.push(ms)
      time += ms
    },
  })
  const result = await answerCopy(jobOf(), { deadline: START + budgetMs, aliveUntil: START + 15_000 })
  return { result, attempts, waits, turns }
}

describe('a copy of a request', () => {
  test.each<[string, Original, Result]>([
    [
      'that is open',
      same({ conversation: C1 }),
      { kind: 'finished', outcome: { status: 'opened', conversationId: 'c-1' }, repeated: true },
    ],
    [
      'that LivePerson refused',
      same({ conversation: { kind: 'refused', code: 'liveperson_rejected', attempt: 1 } }),
      {
        kind: 'finished',
        outcome: { status: 'rejected', code: 'liveperson_rejected' },
        repeated: true,
      },
    ],
    [
      'that a queue holds',
      same({ handedOver: true, claim: { attempt: 1, releases: 1, state: 'queued' } }),
      QUEUED,
    ],
    [
      'that is open, and whose message a queue holds',
      same({ handedOver: true, conversation: C1 }, { hasMessage: true }),
      {
        kind: 'finished',
        outcome: { status: 'opened', conversationId: 'c-1', messageStatus: 'pending' },
        repeated: true,
        kept: 'in_hand_over',
      },
    ],
  ])('%s is only answered', async (_, original, result) => {
    expect(await answer([original])).toEqual({ result, attempts: [], waits: [], turns: 0 })
  })

  test('in progress waits for its outcome', async () => {
    const { result, waits, turns } = await answer([held(), held(), same({ conversation: C1 })])
    expect(result).toMatchObject({ kind: 'finished', outcome: { status: 'opened' } })
    expect([waits, turns]).toEqual([[150, 350], 0])
  })

  test('in progress that a queue holds, too, stays there', async () => {
    expect(await answer([held({ handedOver: true })])).toEqual({
      result: { kind: 'opening' },
      attempts: [],
      waits: [150, 350, 700],
      turns: 0,
    })
  })

  test.each([
    ['in progress', held()],
    ['that no queue holds', failed],
    [
      'whose message no queue holds',
      same({ conversation: C1, claim: { attempt: 1, releases: 1, state: 'failed' } }, { hasMessage: true }),
    ],
  ])('%s is put into a queue by the copy whose turn it is, without a create', async (_, original) => {
    const { result, attempts } = await answer([original])
    expect(result).toEqual(QUEUED)
    expect(attempts).toEqual([{ ...jobOf(), isCopy: true }])
  })

  test.each<[string, Original, Result]>([
    ['in progress', held(), { kind: 'opening' }],
    ['that no queue holds', failed, { kind: 'failed', code: 'liveperson_unavailable' }],
    [
      'whose message no queue holds',
      same({ conversation: C1, claim: { attempt: 1, releases: 1, state: 'failed' } }, { hasMessage: true }),
      { kind: 'failed', code: 'interrupted' },
    ],
  ])('%s is only answered if another copy had its turn', async (_, original, result) => {
    expect(await answer([original], { mayAct: false })).toMatchObject({ result, attempts: [], turns: 1 })
  })

  test.each([
    ['opened', { wasOpen: true }],
    ['existing', {}],
    ['outcome_unknown', {}],
  ] as const)('that turns out to be %s meanwhile is not new', async (status, more) => {
    const attempted: Result = { kind: 'finished', outcome: { status }, repeated: false }
    expect((await answer([held()], { attempted })).result).toEqual({ ...attempted, ...more })
  })

  test('does not wait past the deadline of its form', async () => {
    expect((await answer([held()], { budgetMs: 1700 })).waits).toEqual([150])
  })

  test.each([{ kind: 'none' }, { kind: 'other' }] as const)(
    'that an operator has reset is to be repeated: $kind',
    async (original) => {
      expect(await answer([original])).toEqual({
        result: { kind: 'failed', code: 'service_unavailable' },
        attempts: [],
        waits: [],
        turns: 0,
      })
    },
  )
})
