import { describe, expect, test } from 'vitest'
import type { QuarantineReason } from '../../../lib/aws/queues.ts'
import { createQuarantine, type Quarantined } from '../../../lib/conversation/quarantine.ts'
import {
  type Finding,
  InvalidRequestError,
  ServiceUnavailableError,
  toError,
} from '../../../lib/errors/errors.ts'
import type { MetricName } from '../../../lib/telemetry/metrics.ts'
import { acceptedRequest, createFakeLog, fakeLedger, fakeQueues } from './fakes.ts'

const UNAVAILABLE = new ServiceUnavailableError({ detail: 'It did not respond.' })
const REJECTED = toError('liveperson_rejected')
const FORM = acceptedRequest({ door: 'form', requestId: 'form-0001' })

/** A quarantine whose queue and ledger keep what they get, or fail. */
const arrange = ({ queueFails = false, ledgerFails = false } = {}) => {
  const quarantined: (QuarantineReason & { readonly body: string })[] = []
  const givenUp: { readonly requestId: string; readonly code: string }[] = []
  const counted: { readonly name: MetricName; readonly accountId: string | undefined }[] = []
  const { log, lines } = createFakeLog()
  const quarantine = createQuarantine({
    queues: fakeQueues({
      quarantine: async (body, reason) => {
        if (queueFails) throw UNAVAILABLE
        quarantined.push({ body, ...reason })
      },
    }),
    ledger: fakeLedger({
      giveUp: async ({ requestId }, code) => {
        if (ledgerFails) throw UNAVAILABLE
        givenUp.push({ requestId, code })
      },
    }),
    log,
    count: (name, accountId) => counted.push({ name, accountId }),
  })
  const put = (members: Partial<Quarantined> = {}) =>
    quarantine({ body: '{"it":"failed"}', error: REJECTED, requestId: 'event-0001', ...members })
  return { put, quarantined, givenUp, counted, lines }
}

/** The detail that stands beside a body with these findings. */
const detailOf = async (findings: readonly Finding[]) => {
  const { put, quarantined } = arrange()
  await put({ error: new InvalidRequestError(findings) })
  return quarantined[0]?.detail
}

describe('a quarantined request', () => {
  test('is in the queue as it came in, with its reason', async () => {
    const { put, quarantined } = arrange()
    await put({ request: acceptedRequest() })
    expect(quarantined).toEqual([
      {
        body: '{"it":"failed"}',
        code: 'liveperson_rejected',
        detail: 'LivePerson rejected this conversation.',
        requestId: 'event-0001',
      },
    ])
  })

  test('is logged and counted per account', async () => {
    const { put, counted, lines } = arrange()
    await put({ request: acceptedRequest() })
    expect(counted).toEqual([{ name: 'record_quarantined', accountId: '70123456' }])
    expect(lines).toMatchObject([
      {
        level: 'error',
        fields: { requestId: 'event-0001', accountId: '70123456', code: 'liveperson_rejected' },
      },
    ])
  })

  test('is counted without an account if its body could not be read', async () => {
    const { put, counted, givenUp } = arrange()
    await put()
    expect(counted).toEqual([{ name: 'record_quarantined', accountId: undefined }])
    expect(givenUp).toEqual([])
  })

  test('is neither counted nor given up if the queue fails', async () => {
    const { put, counted, givenUp } = arrange({ queueFails: true })
    await expect(put({ request: FORM })).rejects.toBe(UNAVAILABLE)
    expect({ counted, givenUp }).toEqual({ counted: [], givenUp: [] })
  })
})

describe('the ledger', () => {
  test('records that a form is in quarantine, so that its status is no longer queued', async () => {
    const { put, givenUp } = arrange()
    await put({ request: FORM })
    expect(givenUp).toEqual([{ requestId: 'form-0001', code: 'liveperson_rejected' }])
  })

  test('records nothing for a CRM event', async () => {
    const { put, givenUp } = arrange()
    await put({ request: acceptedRequest() })
    expect(givenUp).toEqual([])
  })

  test('may fail: the request is in quarantine anyway, and the failure is logged', async () => {
    const { put, quarantined, lines } = arrange({ ledgerFails: true })
    await put({ request: FORM })
    expect(quarantined).toHaveLength(1)
    expect(lines).toContainEqual({
      level: 'error',
      message: 'The ledger did not record a quarantined request',
      fields: { requestId: 'event-0001', code: 'service_unavailable' },
    })
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
