import { randomUUID } from 'node:crypto'
import { createHandler as createFormHandler } from '../functions/open-from-form.ts'
import { createHandler as createQueueHandler } from '../functions/open-from-queue.ts'
import { createReadSecret } from '../lib/account/secrets.ts'
import { type AwsOptions, awsOptions } from '../lib/aws/options.ts'
import { createQueues } from '../lib/aws/queues.ts'
import { createStateTable } from '../lib/aws/state-table.ts'
import { createOpenService } from '../lib/service/open.ts'
import { system } from '../lib/service/seams.ts'
import { toHttpEvent } from '../local/aws/http-event.ts'
import { createContext } from '../local/aws/invoke.ts'
import { toSqsEvent } from '../local/aws/sqs-event.ts'
import { startStandIns } from '../local/stack/stand-ins.ts'

/** The account of the simulator that is measured. */
export const ACCOUNT_ID = '70123456'
/** The campaign of the route `order-help`. */
export const ORDER_HELP = { campaignId: '3120045610', engagementId: '3120047710' }

const STAGE = {
  origins: [],
  accounts: [
    {
      accountId: ACCOUNT_ID,
      form: { consumers: 'anonymous', campaigns: 'listed' },
      routes: { 'order-help': { ...ORDER_HELP, doors: ['form', 'queue'] } },
    },
  ],
}

/** The stand-ins, and the containers that use them. */
export type World = Awaited<ReturnType<typeof startWorld>>

/** A container with its own caches. */
export type Container = ReturnType<World['createContainer']>

/** Starts the stand-ins for everything that the service calls. */
export const startWorld = async () => {
  const standIns = await startStandIns({ secretIdPrefix: 'campaign-conversations/bench' })
  Object.assign(process.env, standIns.awsEnvironment)
  const config = standIns.configOf(STAGE)

  return {
    ...standIns,
    stage: config.stage,

    /**
     * Returns the handlers of a new container.
     *
     * @param options.now Milliseconds since the epoch. Default: the system's clock.
     */
    createContainer: ({
      aws = awsOptions,
      now = system.now,
    }: {
      readonly aws?: AwsOptions
      readonly now?: () => number
    } = {}) => {
      const service = createOpenService(config, {
        now,
        table: createStateTable({ ...system, name: config.stateTable, aws }),
        queues: createQueues({ ...config, aws }),
        readSecret: createReadSecret(aws),
      })
      const openFromForm = createFormHandler(() => service)
      const openFromQueue = createQueueHandler(() => service)
      return {
        submit: (body: object) => openFromForm(toFormEvent(body), createContext({ timeoutMs: 15_000 })),
        deliver: (events: readonly object[]) =>
          openFromQueue(toSqsEvent(events.map(toMessage), ''), createContext({ timeoutMs: 120_000 })),
      }
    },
  }
}

/** Returns the event of a form submission. */
export const toFormEvent = (body: object) =>
  toHttpEvent({
    method: 'POST',
    url: '/conversations',
    routeKey: 'POST /conversations',
    headers: ['content-type', 'application/json'],
    body: JSON.stringify(body),
  })

const toMessage = (event: object) => ({
  MessageId: randomUUID(),
  ReceiptHandle: randomUUID(),
  Body: JSON.stringify(event),
  Attributes: { ApproximateReceiveCount: '1', SentTimestamp: String(Date.now()) },
})
