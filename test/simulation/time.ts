import { type Clock, install } from '@sinonjs/fake-timers'

const realImmediate = globalThis.setImmediate

/**
 * Virtual time. While it is installed, `Date` and every timer in this process follow it. It moves on only
 * when nothing is left to do at the current moment, so the speed of the machine doesn't matter.
 */
export interface VirtualTime {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Resolves after some virtual milliseconds. */
  readonly sleep: (ms: number) => Promise<void>
  /** Calls a function after some virtual milliseconds. Returns a function that cancels the call. */
  readonly after: (ms: number, run: () => void) => () => void
  /** Moves time on until `isDone` returns true or no timer is left. Returns whether it is done. */
  readonly runUntil: (isDone: () => boolean) => Promise<boolean>
  readonly uninstall: () => void
}

/** Installs virtual time for this process. WebCrypto runs on real threads, so time waits for its results. */
export const installTime = (startAt: number): VirtualTime => {
  const clock: Clock = install({
    now: startAt,
    toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'],
  })
  const crypto = watchCrypto()

  const settle = async () => {
    do await new Promise<void>((resolve) => realImmediate(() => resolve()))
    while (crypto.pending() > 0)
  }

  return {
    now: () => clock.now,
    sleep: (ms) => new Promise((resolve) => void clock.setTimeout(() => resolve(), ms)),
    after: (ms, run) => {
      const timer = clock.setTimeout(() => run(), ms)
      return () => clock.clearTimeout(timer)
    },
    runUntil: async (isDone) => {
      await settle()
      while (!isDone()) {
        if (clock.countTimers() === 0) return false
        clock.next()
        await settle()
      }
      return true
    },
    uninstall: () => {
      crypto.restore()
      clock.uninstall()
    },
  }
}

/** Counts the pending calls to WebCrypto, and delivers their results in the order of the calls. */
const watchCrypto = () => {
  const { subtle } = globalThis.crypto
  let pending = 0
  let last: Promise<unknown> = Promise.resolve()
  const watched = new Proxy(subtle, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        pending += 1
        const before = last
        const result = Promise.resolve(Reflect.apply(value, target, args)).finally(async () => {
          await before
          pending -= 1
        })
        last = result.catch(() => undefined)
        return result
      }
    },
  })
  Object.defineProperty(globalThis.crypto, 'subtle', { value: watched, configurable: true })
  return {
    pending: () => pending,
    restore: () => {
      Object.defineProperty(globalThis.crypto, 'subtle', { value: subtle, configurable: true })
    },
  }
}
