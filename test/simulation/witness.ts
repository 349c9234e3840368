import type { OutboundResult } from '../../lib/net/outbound.ts'

/** What happened to one request, as the world saw it. No part of the service knows all of it. */
export interface Witnessed {
  /** How many creates left a container. */
  readonly creates: number
  /** Whether a create may have been carried out, and no complete answer proves the contrary. */
  readonly mayBeOpen: boolean
  /** Whether LivePerson itself refused a create, in the documented way. */
  readonly isRefused: boolean
  /** Whether LivePerson may have accepted its message, and no complete answer says so. */
  readonly mayBeSent: boolean
  /** How many invocations that worked on it died. */
  readonly deaths: number
}

/** A promise that broke during the run. */
export interface Broken {
  readonly invariant: string
  readonly key: string
  readonly detail: string
}

const NOTHING: Witnessed = { creates: 0, mayBeOpen: false, isRefused: false, mayBeSent: false, deaths: 0 }

/** A pause must work in every container by then. */
const PAUSE_WITHIN_MS = 60_000
/** No attempt that was admitted before makes its last call later than this. */
const LONGEST_ATTEMPT_MS = 30_000

export type Witness = ReturnType<typeof createWitness>

/** Watches every call to LivePerson, and what becomes of every invocation. */
export const createWitness = ({
  now,
  onCalled = () => undefined,
}: {
  readonly now: () => number
  /** Called with each call. */
  readonly onCalled?: ((container: string, service: string, accountId: string) => void) | undefined
}) => {
  const requests = new Map<string, Witnessed>()
  const broken: Broken[] = []
  const failedWrites = new Map<string, number>()
  const lostWrites = new Set<string>()
  const claims = new Map<string, number[]>()
  const pausedSince = new Map<string, number>()
  const pauses: { readonly accountId: string; readonly from: number; to: number }[] = []
  /** The pauses that a container was asked for, by the container's name and the account. */
  const asked = new Map<string, { readonly at: number; readonly until: number }[]>()
  /** When a container last failed to read an account's switch, or was last frozen. */
  const excused = new Map<string, number>()

  const of = (key: string): Witnessed => requests.get(key) ?? NOTHING
  const add = (key: string, more: Partial<Witnessed>) => requests.set(key, { ...of(key), ...more })

  const checkPause = (container: string, accountId: string, key: string, service: string) => {
    const since = pausedSince.get(accountId)
    if (since === undefined || now() - since <= PAUSE_WITHIN_MS) return
    if ((excused.get(container) ?? 0) >= since - LONGEST_ATTEMPT_MS) return
    const seconds = ((now() - since) / 1000).toFixed(1)
    broken.push({
      invariant: 'no call for an account a minute after it was paused',
      key,
      detail: `${service} by ${container} ${seconds} s after the pause`,
    })
  }

  return {
    of,
    broken: (): readonly Broken[] => broken,
    pauses: (): readonly { readonly accountId: string; readonly from: number; readonly to: number }[] =>
      pauses,

    /** A write of this item failed. @param isApplied Whether it was applied nevertheless. */
    failedWrite: (pk: string, isApplied: boolean): void => {
      failedWrites.set(pk, (failedWrites.get(pk) ?? 0) + 1)
      if (isApplied) lostWrites.add(pk)
    },

    failedWrites: (pk: string): number => failedWrites.get(pk) ?? 0,

    /** An attempt claimed the request of this item. */
    claimed: (pk: string): void => {
      claims.set(pk, [...(claims.get(pk) ?? []), now()])
    },

    /** Returns how many attempts had claimed the request of an item by a time. */
    claimsBy: (pk: string, at: number): number =>
      (claims.get(pk) ?? []).filter((claimedAt) => claimedAt <= at).length,

    /** Whether a write of this item failed, although it was applied. */
    hasLostWrite: (pk: string): boolean => lostWrites.has(pk),

    /** An invocation that worked on these requests died. */
    died: (keys: readonly string[]): void => {
      for (const key of keys) add(key, { deaths: of(key).deaths + 1 })
    },

    /** A container can't know of a pause in time: it could not read the switch, or was frozen. */
    excuse: (container: string): void => {
      excused.set(container, now())
    },

    paused: (accountId: string): void => {
      pausedSince.set(accountId, now())
      pauses.push({ accountId, from: now(), to: Number.POSITIVE_INFINITY })
    },

    resumed: (accountId: string): void => {
      pausedSince.delete(accountId)
      for (const pause of pauses)
        if (pause.accountId === accountId && pause.to === Number.POSITIVE_INFINITY) pause.to = now()
    },

    /** A call starts. */
    called: (container: string, service: string, accountId: string, key: string): void => {
      onCalled(container, service, accountId)
      if (service === 'domain') return
      checkPause(container, accountId, key, service)
      if (service !== 'conversation') return
      add(key, { creates: of(key).creates + 1 })
      // What a container reads in the same instant, as when it wakes from a freeze, has no order.
      const pause = asked
        .get(`${container} ${accountId}`)
        ?.find(({ at, until }) => at < now() && now() < until)
      if (pause === undefined) return
      broken.push({
        invariant: 'a Retry-After is kept',
        key,
        detail: `create by ${container}, ${pause.until - now()} ms too early`,
      })
    },

    /** A container reads the answer to a create. One that is frozen reads it when it wakes. */
    read: (container: string, accountId: string, result: OutboundResult): void => {
      if (result.kind !== 'answer' || result.status !== 429) return
      const until = now() + Number(result.headers['retry-after'] ?? 0) * 1000
      const name = `${container} ${accountId}`
      asked.set(name, [...(asked.get(name) ?? []), { at: now(), until }])
    },

    /** A call ends. @param isGenuine Whether LivePerson gave the answer itself. */
    answered: (service: string, key: string, result: OutboundResult, isGenuine: boolean): void => {
      if (service === 'conversation') {
        if (isInDoubt(result)) add(key, { mayBeOpen: true })
        if (isGenuine && isRefusal(result)) add(key, { isRefused: true })
      }
      if (service === 'send' && isInDoubt(result)) add(key, { mayBeSent: true })
    },
  }
}

/** No complete answer was read, or one that proves nothing: 5xx, 408, or success without a result. */
const isInDoubt = (result: OutboundResult): boolean => {
  if (result.kind !== 'answer') return result.kind === 'may_have_been_sent'
  const { status, body } = result
  if (status >= 500 || status === 408) return true
  if (status < 400) return !/"code":"OK"/.test(body)
  return /"code":"?(5\d\d|408)/.test(body)
}

const isRefusal = (result: OutboundResult): boolean =>
  result.kind === 'answer' &&
  result.status === 400 &&
  result.body.includes('"BAD_REQUEST"') &&
  !result.body.includes('already has open conversation')
