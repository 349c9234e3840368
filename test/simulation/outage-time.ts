import { createHeap, type Place } from './queue-heap.ts'
import type { VirtualTime } from './time.ts'

const real = {
  Date: globalThis.Date,
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setImmediate: globalThis.setImmediate,
}

interface Timer extends Place {
  readonly run: () => void
  isCancelled: boolean
}

/**
 * Returns virtual time for runs of many days. Unlike `installTime`, it carries out everything that is due in the
 * same millisecond before it waits for the consequences, and doesn't wait for WebCrypto or other threads.
 */
export const createFastTime = (startAt: number): VirtualTime => {
  const timers = createHeap<Timer>((timer) => !timer.isCancelled)
  let now = startAt
  let serial = 0

  const start = (run: () => void, ms: number): Timer => {
    const timer = { rank: now + Math.max(0, Math.ceil(ms)), serial: ++serial, run, isCancelled: false }
    timers.push(timer)
    return timer
  }
  const cancel = (timer: unknown) => {
    if (timer !== undefined && timer !== null) (timer as Timer).isCancelled = true
  }
  const settle = () => new Promise<void>((resolve) => real.setImmediate(resolve))

  class VirtualDate extends real.Date {
    constructor(...args: [] | [number]) {
      if (args.length === 0) super(now)
      else super(...args)
    }
    static override now = () => now
  }
  const start_ = (run: () => void, ms = 0) => start(run, ms)
  Object.assign(globalThis, { Date: VirtualDate, setTimeout: start_, clearTimeout: cancel })

  return {
    now: () => now,
    sleep: (ms) => new Promise((resolve) => void start(resolve, ms)),
    after: (ms, run) => {
      const timer = start(run, ms)
      return () => cancel(timer)
    },
    runUntil: async (isDone) => {
      await settle()
      while (!isDone()) {
        const first = timers.pop()
        if (!first) return false
        now = first.rank
        first.run()
        for (let next = timers.peek(); next?.rank === now; next = timers.peek()) {
          timers.pop()
          next.run()
        }
        await settle()
      }
      return true
    },
    uninstall: () => {
      const { Date, setTimeout, clearTimeout } = real
      Object.assign(globalThis, { Date, setTimeout, clearTimeout })
    },
  }
}
