import { randomUUID } from 'node:crypto'
import { readBody } from '../functions/http/event.ts'
import { attributesOf, resolve } from '../lib/config/routes.ts'
import type { Job } from '../lib/conversation/job.ts'
import { readRecord } from '../lib/conversation/record.ts'
import { toConversationBody } from '../lib/liveperson/payload.ts'
import { parseForm } from '../lib/request/form.ts'
import { accept } from '../lib/request/identity.ts'
import { type Figure, median } from './figures.ts'
import { toFormEvent, type World } from './world.ts'

const SAMPLES = 30
const PER_SAMPLE = 500

const REQUEST = {
  requestId: 'bench-0001',
  route: 'order-help',
  consumer: { firstName: 'Zoë', lastName: 'Berg', email: 'zoe@example.org', phone: '+4533112233' },
  engagementAttributes: [
    { type: 'personal', personal: { firstname: 'Zoë', lastname: 'Berg', language: 'da-DK' } },
  ],
  context: { lang: 'en-GB' },
  message: 'My order is late',
}

/**
 * Measures the service's own work per request, from the event to the text of the CONVERSATION body, without
 * network or log.
 */
export const measureHandlerTime = async ({ stage }: World): Promise<readonly Figure[]> => {
  // An anonymous form can't send attributes.
  const event = toFormEvent({ ...REQUEST, engagementAttributes: undefined })
  const now = Date.now()
  const record = { body: JSON.stringify(REQUEST), messageId: randomUUID(), sentAt: now, now }
  const byForm = () => {
    const { request, warnings } = parseForm(readBody(event))
    const { requestId = '' } = request
    const { account, destination } = resolve(stage, 'form', request)
    const { accountId } = account
    const decided = { door: 'form', requestId, accountId, consumerId: undefined, warnings } as const
    return toBody({ request: accept(request, decided), destination })
  }
  const byQueue = () => {
    const read = readRecord(stage, 'events', record)
    if (read.kind === 'refused') throw read.error
    return toBody(read.job)
  }
  return [
    { what: 'parse to payload, form', unit: 'µs', ours: sample(byForm) },
    { what: 'parse to payload, record', unit: 'µs', ours: sample(byQueue) },
  ]
}

const toBody = ({ request, destination }: Pick<Job, 'request' | 'destination'>): string => {
  const { consumer, context, accountId, vouchedBy } = request
  const engagementAttributes = attributesOf(request, destination)
  const ids = { profile: randomUUID(), conversation: randomUUID() }
  return JSON.stringify(
    toConversationBody(
      { consumer, context, accountId, vouchedBy, ...destination, engagementAttributes },
      ids,
    ),
  )
}

/**
 * Returns the microseconds per call. The first samples are dropped, since the engine is still compiling then.
 */
const sample = (work: () => string): number => {
  const microseconds: number[] = []
  for (let taken = -10; taken < SAMPLES; taken++) {
    const startedAt = performance.now()
    let written = 0
    for (let index = 0; index < PER_SAMPLE; index++) written += work().length
    if (written === 0) throw new Error('The body is empty.')
    if (taken >= 0) microseconds.push(((performance.now() - startedAt) * 1000) / PER_SAMPLE)
  }
  return median(microseconds)
}
