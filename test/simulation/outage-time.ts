import { createHeap, type Place } from './queue-heap.ts'
import type { VirtualTime } from './time.ts'

const real = {
  Date: globalThis.Date,
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
}

interface Timer extends Place {
  readonly run: () => void
  isCancelled: boolean
}

/**
 * Returns virtual time for runs of many days. Unlike `installTime`, it runs everything that is due in one
 * millisecond before it waits for what follows from it, and it doesn't wait for other threads.
 *
 * @param startAt Milliseconds since the epoch.
 */
export const createFastTime = (startAt: number): VirtualTime => {
  const timers = createHeap<Timer>((timer) => !timer.isCancelled)
  let now = startAt
  let serial = 0

  const start = (run: () => void, ms = 0): Timer => {
    serial += 1
    const timer = { rank: now + Math.max(0, Math.ceil(ms)), serial, run, isCancelled: false }
    timers.push(timer)
    return timer
  }
  const cancel = (timer: Timer | undefined): void => {
    if (timer) timer.isCancelled = true
  }
  const settle = () => new Promise<void>((resolve) => void setImmediate(resolve))

  class VirtualDate extends real.Date {
    constructor(...given: [] | [number | string]) {
      if (given[0] === undefined) super(now)
      else super(given[0])
    }
    static override now = () => now
  }
  Object.assign(globalThis, { Date: VirtualDate, setTimeout: start, clearTimeout: cancel })

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
        const first = timers.peek()
        if (!first) return false
        now = first.rank
        for (let next = timers.pop(); next; next = timers.peek()?.rank === now ? timers.pop() : undefined)
          next.run()
        await settle()
      }
      return true
    },
    uninstall: () => {
      Object.assign(globalThis, real)
    },
  }
}
