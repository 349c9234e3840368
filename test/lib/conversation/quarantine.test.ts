import { describe, expect, test } from 'vitest'
import type { QuarantineReason } from '../../../lib/aws/queues.ts'
import { createQuarantine, type Quarantined } from '../../../lib/conversation/quarantine.ts'
import {
  type Finding,
  InvalidRequestError,
  ServiceUnavailableError,
  toError,
} from '../../../lib/errors/errors.ts'
import { createFakeLog, fakeLedger, fakeQueues } from './fakes.ts'

const UNAVAILABLE = new ServiceUnavailableError({ detail: 'It did not respond.' })
const REJECTED = toError('liveperson_rejected')

/** A quarantine whose queue and ledger keep what they get, or fail. */
const arrange = ({ queueFails = false, ledgerFails = false, refuseFails = false, hasReason = true } = {}) => {
  const quarantined: (QuarantineReason & { readonly body: string })[] = []
  const reasons: object[] = []
  const refusals: object[] = []
  const counted: object[] = []
  const { log, lines } = createFakeLog()
  const quarantine = createQuarantine({
    queues: fakeQueues({
      quarantine: async (body, reason) => {
        if (queueFails) throw UNAVAILABLE
        quarantined.push({ body, ...reason })
        return { messageId: 'quarantined-1', hasReason }
      },
    }),
    ledger: fakeLedger({
      keepReason: async (messageId, reason) => {
        if (ledgerFails) throw UNAVAILABLE
        reasons.push({ messageId, reason })
      },
    }),
    refuse: async (refusal) => {
      if (refuseFails) throw UNAVAILABLE
      refusals.push({ ...refusal, quarantined: quarantined.length })
    },
    log,
    count: (name, accountId, options) => counted.push({ name, accountId, options }),
  })
  const put = (members: Partial<Quarantined> = {}) =>
    quarantine({
      body: '{"it":"failed"}',
      queue: 'events',
      error: REJECTED,
      requestId: 'event-0001',
      ...members,
    })
  return { put, quarantined, reasons, refusals, counted, lines }
}

/** The detail that stands beside a body with these findings. */
const detailOf = async (findings: readonly Finding[]) => {
  const { put, quarantined } = arrange()
  await put({ error: new InvalidRequestError(findings) })
  return quarantined[0]?.detail
}

describe('a quarantined request', () => {
  test('is in the queue as it came in, with its reason and the number of its attempts', async () => {
    const { put, quarantined, reasons } = arrange()
    await put({ accountId: '70123456', attempts: 7 })
    expect(quarantined).toEqual([
      {
        body: '{"it":"failed"}',
        code: 'liveperson_rejected',
        detail: 'LivePerson rejected this conversation.',
        requestId: 'event-0001',
        queue: 'events',
        attempts: 7,
      },
    ])
    expect(reasons).toEqual([])
  })

  test('is counted per account and code, and leaves the log to its attempt', async () => {
    const { put, counted, lines } = arrange()
    await put({ accountId: '70123456', attempts: 7 })
    const options = { code: 'liveperson_rejected' }
    expect(counted).toEqual([{ name: 'record_quarantined', accountId: '70123456', options }])
    expect(lines).toEqual([])
  })

  test('is counted without an account if its body could not be read', async () => {
    const { put, counted } = arrange()
    await put()
    const options = { code: 'liveperson_rejected' }
    expect(counted).toEqual([{ name: 'record_quarantined', accountId: undefined, options }])
  })

  test('is not counted if the queue fails', async () => {
    const { put, counted } = arrange({ queueFails: true })
    await expect(put()).rejects.toBe(UNAVAILABLE)
    expect(counted).toEqual([])
  })
})

describe('the ledger', () => {
  test('keeps the reason under the message id if it does not fit into the message', async () => {
    const { put, reasons } = arrange({ hasReason: false })
    await put({ queue: 'handOver', attempts: 2 })
    expect(reasons).toEqual([
      {
        messageId: 'quarantined-1',
        reason: {
          code: 'liveperson_rejected',
          detail: 'LivePerson rejected this conversation.',
          requestId: 'event-0001',
          queue: 'hand-over',
          attempts: 2,
        },
      },
    ])
  })

  test('may fail: the request is in quarantine anyway, and the failures are logged', async () => {
    const { put, quarantined, lines } = arrange({ ledgerFails: true, hasReason: false })
    await put()
    expect(quarantined).toHaveLength(1)
    expect(lines).toEqual([
      {
        level: 'error',
        message: 'The reason of a quarantined request was not kept',
        fields: { requestId: 'event-0001', code: 'service_unavailable' },
      },
    ])
  })
})

describe('the detail', () => {
  test('lists the invalid fields', async () => {
    const findings = [
      { path: 'campaign', message: 'or route is required' },
      { path: 'consumer.email', message: 'must be a string' },
    ]
    expect(await detailOf(findings)).toBe('campaign or route is required; consumer.email must be a string')
  })

  test('calls the whole input the body', async () => {
    expect(await detailOf([{ path: '', message: 'is not valid JSON' }])).toBe('the body is not valid JSON')
  })

  test('masks names that the sender chose', async () => {
    const findings = [
      { path: 'consumer.Ana Example', message: 'is an unknown key' },
      { path: 'consumer.ana', maskedPath: 'consumer.(masked)', message: 'is an unknown key' },
    ]
    expect(await detailOf(findings)).toBe(
      'consumer.(masked) is an unknown key; consumer.(masked) is an unknown key',
    )
  })

  test('lists ten fields at most', async () => {
    const findings = Array.from({ length: 11 }, (_, at) => ({ path: `f${at}`, message: 'is missing' }))
    expect((await detailOf(findings))?.split('; ')).toHaveLength(10)
  })
})

describe('a CRM event that was refused before its claim', () => {
  const refused = { messageId: 'message-0001', accountId: '70123456' }

  test('is recorded before it is in the queue', async () => {
    const { put, quarantined, refusals } = arrange()
    await put({ refused })
    expect(refusals).toEqual([
      { ...refused, requestId: 'event-0001', code: 'liveperson_rejected', quarantined: 0 },
    ])
    expect(quarantined).toHaveLength(1)
  })

  test('is not in the queue if it can not be recorded', async () => {
    const { put, quarantined } = arrange({ refuseFails: true })
    await expect(put({ refused })).rejects.toBe(UNAVAILABLE)
    expect(quarantined).toEqual([])
  })

  test('is the only one that is recorded', async () => {
    const { put, refusals } = arrange()
    await put()
    expect(refusals).toEqual([])
  })
})
