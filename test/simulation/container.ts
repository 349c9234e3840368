import type { ContainerFault, Faults } from './faults.ts'
import type { VirtualTime } from './time.ts'
import type { Trace } from './trace.ts'

/** A function of the deployed service. */
export type FunctionName = 'openFromForm' | 'openFromQueue' | 'conversationStatus' | 'conversationEvents'

/** How long an invocation may take, in milliseconds, as in serverless.yml. */
export const TIMEOUT_MS: Readonly<Record<FunctionName, number>> = {
  openFromForm: 15_000,
  openFromQueue: 60_000,
  conversationStatus: 10_000,
  conversationEvents: 3000,
}

export type Invoked<T> =
  | { readonly kind: 'returned'; readonly value: T }
  | { readonly kind: 'threw' }
  | { readonly kind: 'killed' }
  | { readonly kind: 'timed_out' }

export type Container = ReturnType<typeof createContainer>

/** The probability of each container fault at one step. */
export type ContainerOdds = Readonly<Partial<Record<ContainerFault, number>>>

const FREEZE_MS = 4000

/**
 * Returns a Lambda container. It runs one invocation at a time, keeps its caches between them, and its clock
 * may be off. Code in a dead container never continues.
 */
export const createContainer = ({
  name,
  time,
  faults,
  odds,
  trace,
  onFreeze,
  skewMs,
}: {
  readonly name: string
  readonly time: VirtualTime
  readonly faults: Faults
  readonly odds: ContainerOdds
  readonly trace: Trace
  readonly onFreeze: () => void
  /** How far its clock is ahead of the world's clock, in milliseconds. */
  readonly skewMs: number
}) => {
  let dead = false
  let busy = false
  let frozenUntil = 0
  let freezes = 0
  let die: () => void = () => undefined

  const never = new Promise<never>(() => undefined)

  const awake = async (): Promise<void> => {
    while (time.now() < frozenUntil) await time.sleep(frozenUntil - time.now())
  }

  const kill = (why: string) => {
    if (dead) return
    dead = true
    trace.add(name, why)
    die()
  }

  const freeze = (ms: number) => {
    freezes += 1
    onFreeze()
    frozenUntil = Math.max(frozenUntil, time.now() + ms)
    trace.add(name, `frozen for ${ms} ms`)
  }

  return {
    name,
    isBusy: () => busy,
    isDead: () => dead,
    /** How often it was frozen. A freeze kills its open sockets. */
    freezes: () => freezes,
    now: () => time.now() + skewMs,
    kill,
    freeze,

    /** Makes one call out of the container. A fault may strike before or after it. */
    step: async <T>(point: string, run: () => Promise<T>): Promise<T> => {
      if (dead) return never
      const fault = busy ? faults.strike(`${point} / container`, odds) : undefined
      if (fault === 'killed before') {
        kill(`killed before ${point}`)
        return never
      }
      if (fault === 'frozen') freeze(FREEZE_MS)
      if (fault === 'frozen past the lease') freeze(TIMEOUT_MS.openFromQueue + 5000)
      await awake()
      if (dead) return never
      const result = await run().then(
        (value) => ({ value }),
        (error: unknown) => ({ error }),
      )
      if (dead) return never
      if (fault === 'killed after') {
        kill(`killed after ${point}`)
        return never
      }
      await awake()
      if (dead) return never
      if ('error' in result) throw result.error
      return result.value
    },

    /** Sleeps in virtual time, and longer if the container is frozen by then. */
    sleep: async (ms: number): Promise<void> => {
      await time.sleep(ms)
      await awake()
      if (dead) await never
    },

    /**
     * Runs one invocation. A timeout kills the container, unless it is frozen. A frozen container continues
     * when it thaws.
     */
    invoke: async <T>(functionName: FunctionName, run: () => Promise<T>): Promise<Invoked<T>> => {
      busy = true
      const timeout = TIMEOUT_MS[functionName]
      const ended = new Promise<Invoked<T>>((resolve) => {
        die = () => {
          cancel()
          resolve({ kind: 'killed' })
        }
        const cancel = time.after(timeout, () => {
          if (time.now() >= frozenUntil) dead = true
          trace.add(name, 'timed out')
          resolve({ kind: 'timed_out' })
        })
        run().then(
          (value) => {
            cancel()
            resolve({ kind: 'returned', value })
          },
          () => {
            cancel()
            resolve({ kind: 'threw' })
          },
        )
      })
      const result = await ended
      busy = false
      return result
    },

    /** Returns the context of an invocation that starts now. */
    contextOf: (functionName: FunctionName) => {
      const startedAt = time.now()
      return {
        getRemainingTimeInMillis: () => Math.max(0, startedAt + TIMEOUT_MS[functionName] - time.now()),
      }
    },
  }
}
