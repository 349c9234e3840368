import type { Comparison, Measured } from './comparison.ts'
import { median, rounded } from './figures.ts'
import { toTable } from './table.ts'

/** The memory sizes that are compared, in MB. */
const SIZES_MB = [256, 512, 1024, 1769] as const
/**
 * A function with this much memory has one processor, in MB. With less, it has that part of one.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
 */
const MB_PER_CPU = 1769
/**
 * List prices in US dollars.
 *
 * @see https://aws.amazon.com/lambda/pricing/
 */
const PER_GB_SECOND = { arm64: 0.0000133334, x86_64: 0.0000166667 } as const
const PER_REQUEST = 0.0000002

/** What a door costs at one memory size. */
export interface MemorySize {
  readonly memoryMb: number
  /** Of one invocation, in milliseconds. */
  readonly durationMs: number
  /** Of 1,000 opens, in US dollars. */
  readonly cost: { readonly arm64: number; readonly x86_64: number }
}

/**
 * Returns the cost of 1,000 opens per memory size. With a part of a processor, the work takes longer by that
 * part, and the waiting takes as long as before: duration = wait + CPU ÷ (memory ÷ 1,769 MB). The cost is
 * duration × memory × price per GB-second, and the price of a request.
 *
 * @param options.durationMs Of an invocation, as measured with a whole processor.
 * @param options.cpuMs Of the same invocation.
 * @param options.opens Per invocation.
 */
export const costBySize = ({
  durationMs,
  cpuMs,
  opens,
}: {
  readonly durationMs: number
  readonly cpuMs: number
  readonly opens: number
}): readonly MemorySize[] => {
  const waitMs = Math.max(0, durationMs - cpuMs)
  return SIZES_MB.map((memoryMb) => {
    const share = Math.min(1, memoryMb / MB_PER_CPU)
    const stretchedMs = waitMs + cpuMs / share
    const gbSeconds = (stretchedMs / 1000) * (memoryMb / 1024)
    const costOf = (price: number) => (1000 * (gbSeconds * price + PER_REQUEST)) / opens
    return {
      memoryMb,
      durationMs: stretchedMs,
      cost: { arm64: costOf(PER_GB_SECOND.arm64), x86_64: costOf(PER_GB_SECOND.x86_64) },
    }
  })
}

/** Returns a table with the cost of both doors, for new consumers. */
export const toMemoryTable = ({ peers }: Pick<Comparison, 'peers'>): string => {
  const { ours } = peers
  const form = costBySize(invocationOf(ours, 'newForm', 1))
  const queue = costBySize(invocationOf(ours, 'newBatch', 10))
  return toTable(
    [
      'memory, MB',
      'form, ms',
      'form, arm64, $',
      'form, x86, $',
      'batch, ms',
      'queue, arm64, $',
      'queue, x86, $',
    ],
    SIZES_MB.map((memoryMb, index) => [
      String(memoryMb),
      ...[form[index], queue[index]].flatMap((size) => [
        rounded(size?.durationMs ?? Number.NaN),
        (size?.cost.arm64 ?? Number.NaN).toFixed(5),
        (size?.cost.x86_64 ?? Number.NaN).toFixed(5),
      ]),
    ]),
  )
}

const invocationOf = ({ durationsMs, cpuMs }: Measured, workload: 'newForm' | 'newBatch', opens: number) => ({
  durationMs: median(durationsMs[workload].flat()),
  cpuMs: median(cpuMs[workload]) * opens,
  opens,
})
