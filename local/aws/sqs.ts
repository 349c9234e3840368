import { startFauxqs } from 'fauxqs'
import { z } from 'zod'
import { REGION, readInfrastructure } from '../../tools/deployed-resources.ts'
import { ensureFreePort } from '../net/listen.ts'

/** What `startSqs` hands back. */
export type LocalSqs = Awaited<ReturnType<typeof startSqs>>

/**
 * Starts fauxqs with the two queues that infrastructure/queues.yml declares, redrive policy and visibility timeout included.
 *
 * @param options.port Default: a free one.
 * @param options.stage Whose queues' names. Default: `local`.
 * @param options.eventsAttributes Attributes of the events queue to have otherwise, e.g. a short `VisibilityTimeout`.
 */
export async function startSqs(
  options: {
    readonly port?: number
    readonly stage?: string
    readonly eventsAttributes?: Readonly<Record<string, string>>
  } = {},
) {
  await acceptAllOfUnicode()
  const port = options.port ?? 0
  if (port !== 0) await ensureFreePort(port)
  const server = await startFauxqs({ port, host: '127.0.0.1', logger: false, defaultRegion: REGION })
  const { events, quarantine } = readInfrastructure(options.stage)
  // The quarantine queue first: a redrive policy may only name a queue that exists.
  server.createQueue(quarantine.name, { region: REGION, attributes: quarantine.attributes })
  server.createQueue(events.name, {
    region: REGION,
    attributes: { ...events.attributes, ...options.eventsAttributes },
  })
  const url = `http://127.0.0.1:${server.port}`
  return {
    url,
    eventsQueueUrl: `${url}/000000000000/${events.name}`,
    quarantineQueueUrl: `${url}/000000000000/${quarantine.name}`,
    eventsQueueArn: events.arn,

    /** How many messages of a queue wait, are held back, or are being worked on. */
    depth(queue: 'events' | 'quarantine'): { ready: number; delayed: number; inFlight: number } {
      const messages = server.inspectQueue(queue === 'events' ? events.name : quarantine.name)?.messages
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
 * fauxqs 2 tests bodies by UTF-16 unit and so refuses every emoji, which SQS takes: widens its pattern in place.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
 */
async function acceptAllOfUnicode(): Promise<void> {
  const types: unknown = await import(new URL('./sqs/sqsTypes.js', import.meta.resolve('fauxqs')).href)
  const { INVALID_MESSAGE_BODY_CHAR: pattern } = z
    .object({ INVALID_MESSAGE_BODY_CHAR: z.instanceof(RegExp) })
    .parse(types)
  pattern.compile('[^\\x09\\x0A\\x0D\\x20-\\uD7FF\\uE000-\\uFFFD\\u{10000}-\\u{10FFFF}]', 'u')
}
