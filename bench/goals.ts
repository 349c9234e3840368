import type { Peer } from './bundles.ts'
import type { Comparison, Measured } from './comparison.ts'
import { median, medianRatio, quantile } from './figures.ts'

/** One row of the table. */
export interface Row {
  readonly figure: string
  /** The medians over all rounds, or the most memory. */
  readonly values: Readonly<Record<Peer, number>>
  /** Undefined: the row is for information. */
  readonly goal?: Goal
}

interface Goal {
  /** Such as `≤ 0.60 × usual stack`. */
  readonly text: string
  /** What is compared with the limit: a ratio, or the value itself. */
  readonly reached: number
  readonly isMet: boolean
}

interface Figure {
  readonly figure: string
  /** A value per round, or a single one. */
  readonly of: (measured: Measured) => readonly number[]
  /** A limit for the value of this service, as a multiple of a peer's. */
  readonly limit?: {
    readonly atMost?: number
    readonly atLeast?: number
    readonly of?: Exclude<Peer, 'ours'>
  }
}

const p50s = (rounds: readonly (readonly number[])[]) => rounds.map(median)
const p99 = (rounds: readonly (readonly number[])[]) => [quantile(rounds.flat(), 0.99)]

const FIGURES: readonly Figure[] = [
  {
    figure: 'form, CPU per open, ms',
    of: ({ cpuMs }) => cpuMs.newForm,
    limit: { atMost: 0.6, of: 'usual' },
  },
  {
    figure: 'queue, CPU per record, ms',
    of: ({ cpuMs }) => cpuMs.newBatch,
    limit: { atMost: 0.45, of: 'usual' },
  },
  {
    figure: 'queue, records/s, steady',
    of: ({ opensPerSecond }) => opensPerSecond.newBatch,
    limit: { atLeast: 1.08, of: 'usual' },
  },
  {
    figure: 'form p50, new consumer, ms',
    of: ({ durationsMs }) => p50s(durationsMs.newForm),
    limit: { atMost: 1.02, of: 'floor' },
  },
  {
    figure: 'form p50, known consumer, ms',
    of: ({ durationsMs }) => p50s(durationsMs.knownForm),
    limit: { atMost: 1.02, of: 'floor' },
  },
  {
    figure: 'peak RSS, form, MB',
    of: ({ peakRssMb }) => [peakRssMb.form],
    limit: { atMost: 0.85, of: 'usual' },
  },
  {
    figure: 'peak RSS, queue, MB',
    of: ({ peakRssMb }) => [peakRssMb.queue],
    limit: { atMost: 0.85, of: 'usual' },
  },
  {
    figure: 'form, cold: import + first invocation, ms',
    of: ({ coldMs }) => coldMs.form,
    limit: { atMost: 0.65, of: 'usual' },
  },
  {
    figure: 'queue, cold: import + first invocation, ms',
    of: ({ coldMs }) => coldMs.queue,
    limit: { atMost: 0.65, of: 'usual' },
  },
  { figure: 'form p99, new consumer, ms', of: ({ durationsMs }) => p99(durationsMs.newForm) },
  { figure: 'form p99, known consumer, ms', of: ({ durationsMs }) => p99(durationsMs.knownForm) },
  { figure: 'form, CPU per open, known consumer, ms', of: ({ cpuMs }) => cpuMs.knownForm },
  { figure: 'queue, CPU per record, known consumer, ms', of: ({ cpuMs }) => cpuMs.knownBatch },
  { figure: 'queue, records/s, known consumers', of: ({ opensPerSecond }) => opensPerSecond.knownBatch },
  { figure: 'form, cold: import alone, ms', of: ({ importMs }) => importMs.form },
  { figure: 'code of the form function, kB', of: ({ codeKb }) => [codeKb.form], limit: { atMost: 250 } },
  { figure: 'code of the queue function, kB', of: ({ codeKb }) => [codeKb.queue], limit: { atMost: 250 } },
  {
    figure: 'calls to LivePerson, new consumer',
    of: ({ calls }) => [livePersonCalls(calls.newForm)],
    limit: { atMost: 2 },
  },
  {
    figure: 'calls to LivePerson, known consumer',
    of: ({ calls }) => [livePersonCalls(calls.knownForm)],
    limit: { atMost: 1 },
  },
  {
    figure: 'writes to DynamoDB, new consumer',
    of: ({ calls }) => [calls.newForm.dynamodbWrites ?? 0],
    limit: { atMost: 3 },
  },
  {
    figure: 'round trips of these writes, new consumer',
    // Two writes that start together may be 5 ms apart on a busy machine.
    of: ({ calls }) => [Math.round(calls.newForm.dynamodbRoundTrips ?? 0)],
    limit: { atMost: 2 },
  },
]

const LIVEPERSON = ['domain', 'sentinel', 'idp', 'conversation', 'send']

const livePersonCalls = (calls: Readonly<Record<string, number>>): number =>
  LIVEPERSON.reduce((sum, service) => sum + (calls[service] ?? 0), 0)

/** What the peers are called. */
export const NAMES: Readonly<Record<Peer, string>> = {
  ours: 'ours',
  usual: 'usual stack',
  floor: 'ledger floor',
}

/** Returns the table. Ratios are medians of the ratios of each round. */
export const toRows = ({ peers }: Pick<Comparison, 'peers'>): readonly Row[] =>
  FIGURES.map(({ figure, of, limit }) => {
    const medianOf = (peer: Peer) => median(of(peers[peer]))
    const values = { ours: medianOf('ours'), usual: medianOf('usual'), floor: medianOf('floor') }
    if (!limit) return { figure, values }
    const { atMost, atLeast, of: peer } = limit
    const ours = of(peers.ours)
    const others = peer && of(peers[peer])
    // Cold starts of two peers are not of one round, but have been measured one after the other, too.
    const reached = others ? medianRatio(ours, others) : values.ours
    const bound = atMost ?? atLeast ?? Number.NaN
    const text = `${atMost === undefined ? '≥' : '≤'} ${peer ? `${bound.toFixed(2)} × ${NAMES[peer]}` : bound}`
    const isMet = atMost === undefined ? reached >= bound : reached <= bound
    return { figure, values, goal: { text, reached, isMet } }
  })
