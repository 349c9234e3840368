import { signatureOf, toChangePush } from '../../local/liveperson/pushes/push.ts'
import type { Conversation } from '../../local/liveperson/state/store.ts'
import { type Faults, numbersFor } from './faults.ts'
import { ACCOUNTS } from './requests.ts'
import type { VirtualTime } from './time.ts'
import type { Trace } from './trace.ts'
import type { World } from './world.ts'

/** LivePerson repeats a push after 2, 4, 8 seconds and so on, and then every five minutes, for three days. */
const LONGEST_BACK_OFF_MS = 300_000
const RETENTION_MS = 3 * 24 * 3600 * 1000

/**
 * Returns LivePerson's webhooks. A push can be late, so that it is overtaken by others, be delivered twice, or be
 * lost until it is delivered again. Only the pushes of the second account name the campaign, and only its
 * signatures have SHA-256.
 */
export const createPushes = ({
  seed,
  time,
  faults,
  trace,
  world,
}: {
  readonly seed: string
  readonly time: VirtualTime
  readonly faults: Faults
  readonly trace: Trace
  readonly world: () => World
}) => {
  const counts = new Map<string, number>()
  let pending = 0
  let delivered = 0
  let refused = 0

  const later = (ms: number, run: () => Promise<void>) => {
    pending += 1
    time.after(ms, () => {
      void run().finally(() => {
        pending -= 1
      })
    })
  }

  const deliver = async (
    push: { readonly point: string; readonly accountId: string; readonly body: string; readonly at: number },
    attempt: number,
  ): Promise<void> => {
    const { accountId, body, at } = push
    const point = `${push.point} try ${attempt}`
    const isLost = faults.strike(`${point} on its way`, { 'push lost': 0.08 }) !== undefined
    const [clientSecret = ''] =
      world().livePerson.accounts.find((account) => account.accountId === accountId)?.clientSecrets ?? []
    const hash = accountId === ACCOUNTS[0] ? 'sha1' : 'sha256'
    const isDone = !isLost && (await world().push(accountId, body, signatureOf(body, clientSecret, hash)))
    trace.add('LivePerson', `${point}: ${isLost ? 'lost' : isDone ? 'delivered' : 'not accepted'}`)
    if (isDone) delivered += 1
    if (isDone || time.now() - at > RETENTION_MS) return
    if (!isLost) refused += 1
    later(Math.min(LONGEST_BACK_OFF_MS, 1000 * 2 ** attempt), () => deliver(push, attempt + 1))
  }

  return {
    /** How many pushes are still to be delivered. */
    pending: () => pending,
    /** How many were delivered, and how many deliveries the service did not accept. */
    counts: () => ({ delivered, refused }),

    /** Sends the present state of a conversation. */
    onChanged: (conversation: Conversation): void => {
      const { accountId, context, state } = conversation
      const name = `push of ${context?.sessionId} ${state}`
      const count = (counts.get(name) ?? 0) + 1
      counts.set(name, count)
      const point = `${name} #${count}`
      const numbers = numbersFor(seed, point)
      const hasCampaign = accountId !== ACCOUNTS[0]
      const at = time.now()
      const push = {
        ...{ point, accountId, at },
        body: JSON.stringify(toChangePush(conversation, { sentAt: at, hasCampaign })),
      }
      const fault = faults.strike(point, { 'push late': 0.1, 'push doubled': 0.1 })
      const lateMs = fault === 'push late' ? numbers.pick([1000, 20_000, 180_000, 5_400_000]) : 0
      later(numbers.between(5, 300) + lateMs, () => deliver(push, 1))
      if (fault === 'push doubled')
        later(numbers.pick([10, 400, 60_000]), () => deliver({ ...push, point: `${point} again` }, 1))
    },
  }
}
