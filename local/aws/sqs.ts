import { startFauxqs } from 'fauxqs'
import { z } from 'zod'
import { ensureFreePort } from '../net/listen.ts'
import { readResources } from './resources.ts'
import { AWS_ACCOUNT_ID, REGION } from './sdk.ts'

/** A running local SQS. */
export type LocalSqs = Awaited<ReturnType<typeof startSqs>>

/**
 * Starts fauxqs with the queues that infrastructure/ declares, with their redrive policy and visibility
 * timeout. It accepts the message groups of fair queues, and ignores them.
 *
 * @param options.port Default: a free one.
 * @param options.eventsAttributes Attributes of the events queue to override, such as a shorter
 *   `VisibilityTimeout`.
 * @throws {PortTakenError}
 */
export async function startSqs(
  options: { readonly port?: number; readonly eventsAttributes?: Readonly<Record<string, string>> } = {},
) {
  await acceptAllUnicode()
  const port = options.port ?? 0
  if (port !== 0) await ensureFreePort(port)
  const server = await startFauxqs({ port, host: '127.0.0.1', logger: false, defaultRegion: REGION })
  const { events, handOver, quarantine, outcomesFailed } = readResources()
  // A redrive policy may only name a queue that exists.
  server.createQueue(quarantine.name, { region: REGION, attributes: quarantine.attributes })
  server.createQueue(events.name, {
    region: REGION,
    attributes: { ...events.attributes, ...options.eventsAttributes },
  })
  server.createQueue(handOver.name, { region: REGION, attributes: handOver.attributes })
  server.createQueue(outcomesFailed.name, { region: REGION, attributes: outcomesFailed.attributes })
  const names = {
    events: events.name,
    handOver: handOver.name,
    quarantine: quarantine.name,
    outcomesFailed: outcomesFailed.name,
  }
  const url = `http://127.0.0.1:${server.port}`
  const urlOf = (queueArn: string) => `${url}/${AWS_ACCOUNT_ID}/${queueArn.split(':').at(-1)}`
  return {
    url,
    eventsQueueUrl: urlOf(events.arn),
    handOverQueueUrl: urlOf(handOver.arn),
    quarantineQueueUrl: urlOf(quarantine.arn),
    outcomesFailedQueueUrl: urlOf(outcomesFailed.arn),
    eventsQueueArn: events.arn,
    handOverQueueArn: handOver.arn,
    urlOf,

    /** Returns the number of visible, delayed and in-flight messages in a queue. */
    depth(queue: keyof typeof names): { ready: number; delayed: number; inFlight: number } {
      const messages = server.inspectQueue(names[queue])?.messages
      return {
        ready: messages?.ready.length ?? 0,
        delayed: messages?.delayed.length ?? 0,
        inFlight: messages?.inflight.length ?? 0,
      }
    },

    close(): Promise<void> {
      return server.stop()
    },
  }
}

/**
 * Widens fauxqs's pattern for message bodies in place. fauxqs 2 checks UTF-16 code units, and so refuses
 * every emoji. SQS accepts them.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
 */
async function acceptAllUnicode(): Promise<void> {
  const types: unknown = await import(new URL('./sqs/sqsTypes.js', import.meta.resolve('fauxqs')).href)
  const { INVALID_MESSAGE_BODY_CHAR: pattern } = z
    .object({ INVALID_MESSAGE_BODY_CHAR: z.instanceof(RegExp) })
    .parse(types)
  pattern.compile('[^\\x09\\x0A\\x0D\\x20-\\uD7FF\\uE000-\\uFFFD\\u{10000}-\\u{10FFFF}]', 'u')
}
