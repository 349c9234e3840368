import { randomInt } from 'node:crypto'
import type { LivePersonAccount } from '../state/account.ts'
import type { Clock } from '../state/clock.ts'
import type { Settings } from '../state/settings.ts'
import type { Conversation } from '../state/store.ts'
import { signatureOf, toChangePush } from './push.ts'

/** LivePerson repeats a push after 2, 4, 8 seconds and so on, at most every five minutes, for three days. */
const LONGEST_BACK_OFF_MS = 300_000
const RETENTION_MS = 3 * 24 * 3600 * 1000
/** LivePerson waits that long for an answer. */
const ANSWER_MS = 5000

/**
 * Returns LivePerson's webhooks. While `settings.pushUrl` is set, each change of a conversation is pushed to
 * `{pushUrl}/liveperson/{accountId}/events`, signed with the account's first client secret. A push whose
 * answer is neither 200 nor 201 is repeated.
 */
export const createPushSender = ({
  settings,
  accounts,
  clock,
}: {
  readonly settings: Settings
  readonly accounts: ReadonlyMap<string, LivePersonAccount>
  readonly clock: Clock
}) => {
  const timers = new Set<NodeJS.Timeout>()

  const later = (ms: number, run: () => void) => {
    const timer = setTimeout(() => {
      timers.delete(timer)
      run()
    }, ms)
    timer.unref()
    timers.add(timer)
  }

  const post = async (accountId: string, body: string): Promise<boolean> => {
    const { pushUrl, pushHash } = settings
    const account = accounts.get(accountId)
    const [clientSecret] = account?.clientSecrets ?? []
    if (pushUrl === undefined || account === undefined || clientSecret === undefined) return true
    const { status } = await fetch(`${pushUrl}/liveperson/${accountId}/events`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-liveperson-account-id': accountId,
        'x-liveperson-client-id': account.clientId,
        'x-liveperson-signature': signatureOf(body, clientSecret, pushHash),
      },
      body,
      signal: AbortSignal.timeout(ANSWER_MS),
    })
    return status === 200 || status === 201
  }

  const deliver = async (
    accountId: string,
    body: string,
    attempt: number,
    spentMs: number,
  ): Promise<void> => {
    const isDone = await post(accountId, body).catch(() => false)
    const waitMs = Math.min(LONGEST_BACK_OFF_MS, 1000 * 2 ** attempt)
    if (isDone || spentMs + waitMs > RETENTION_MS) return
    later(waitMs, () => void deliver(accountId, body, attempt + 1, spentMs + waitMs))
  }

  return {
    /** Pushes the present state of a conversation. */
    send: (conversation: Conversation): void => {
      if (settings.pushUrl === undefined) return
      const { accountId } = conversation
      const push = toChangePush(conversation, { sentAt: clock.now(), hasCampaign: settings.pushCampaign })
      const body = JSON.stringify(push)
      for (let copy = 0; copy < settings.pushCopies; copy++)
        later(settings.pushDisorderMs === 0 ? 0 : randomInt(settings.pushDisorderMs), () => {
          void deliver(accountId, body, 1, 0)
        })
    },

    /** Forgets every push that waits. */
    drop: (): void => {
      for (const timer of timers) clearTimeout(timer)
      timers.clear()
    },
  }
}
