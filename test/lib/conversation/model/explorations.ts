import type { Bounds, Configuration } from './state.ts'

/** One kind of exploration: what can happen, and how often. */
export interface Kind {
  readonly name: string
  readonly bounds: Bounds
  /** Default: every one. */
  readonly only?: (configuration: Configuration) => boolean
}

/** Two attempts, one after the other. The sender may repeat the request; a queue may deliver it twice. */
export const QUIET: Bounds = {
  attempts: 2,
  alive: 1,
  closings: 0,
  surveys: 0,
  others: 0,
  tellings: 0,
  findings: 0,
  repeats: 1,
  replays: 0,
  admissions: ['granted'],
  ageing: false,
  troubles: false,
  maxDeaths: 5,
}

/** Two attempts at the same time. One can overrun its lease. */
export const OVERLAP: Bounds = { ...QUIET, alive: 2 }

/** An outage, a pause, an old record, attempts that die. */
export const BAD_DAYS: Bounds = {
  ...QUIET,
  admissions: ['granted', 'held_back', 'paused'],
  ageing: true,
  troubles: true,
  replays: 1,
  maxDeaths: 1,
}

/** Another request of the same consumer, and an agent who closes. */
export const NEIGHBOURS: Bounds = { ...QUIET, repeats: 0, closings: 1, others: 1 }

/** The webhook tells what it knows, an operator records what was found, and a replay follows. */
export const FOUND_LATER: Bounds = { ...QUIET, repeats: 0, replays: 1, tellings: 1, findings: 1 }

const withMessage = ({ hasMessage }: Configuration): boolean => hasMessage
const eventWithMessage = ({ door, hasMessage }: Configuration): boolean => door === 'queue' && hasMessage

/** The explorations of `npm test`. */
export const SHORT: readonly Kind[] = [
  { name: 'overlap', bounds: OVERLAP, only: withMessage },
  { name: 'bad days', bounds: BAD_DAYS },
  { name: 'neighbours', bounds: NEIGHBOURS, only: eventWithMessage },
  {
    name: 'surveys',
    bounds: { ...QUIET, repeats: 0, surveys: 1, others: 1 },
    only: (configuration) => eventWithMessage(configuration) && configuration.onLostAnswer === 'repeat',
  },
  {
    name: 'found later',
    bounds: FOUND_LATER,
    only: (configuration) => eventWithMessage(configuration) && configuration.onLostAnswer === 'hold',
  },
]

/** The explorations of `npm run test:model`. */
export const LONG: readonly Kind[] = [
  { name: 'overlap', bounds: { ...OVERLAP, closings: 1, others: 1, replays: 1 } },
  { name: 'three', bounds: { ...OVERLAP, attempts: 3 } },
  { name: 'bad days', bounds: { ...BAD_DAYS, attempts: 3, maxDeaths: 2, closings: 1 } },
  { name: 'overlapping bad days', bounds: { ...BAD_DAYS, alive: 2, maxDeaths: 5 } },
  {
    name: 'neighbours',
    bounds: { ...NEIGHBOURS, repeats: 1, surveys: 1, tellings: 1 },
    only: withMessage,
  },
  { name: 'found later', bounds: { ...FOUND_LATER, closings: 1, tellings: 2 } },
  { name: 'found while at work', bounds: { ...FOUND_LATER, alive: 2, replays: 0 }, only: withMessage },
  {
    name: 'found among neighbours',
    bounds: { ...FOUND_LATER, others: 1, closings: 1, replays: 0 },
    only: eventWithMessage,
  },
  { name: 'three found later', bounds: { ...FOUND_LATER, attempts: 3 }, only: eventWithMessage },
  {
    name: 'three among neighbours',
    bounds: { ...NEIGHBOURS, attempts: 3 },
    only: eventWithMessage,
  },
]

const DOORS = ['form', 'queue'] as const

/** Returns every configuration of some kinds of explorations. */
export const configurations = (kinds: readonly Kind[]): readonly Configuration[] => [
  ...kinds.flatMap(({ name, bounds, only = () => true }) =>
    DOORS.flatMap((door) =>
      (['repeat', 'hold'] as const).flatMap((onLostAnswer) =>
        [false, true].map((hasMessage) => ({ name, door, onLostAnswer, hasMessage, bounds })),
      ),
    ).filter(only),
  ),
  ...DOORS.map((door) => ({
    name: 'taken id',
    door,
    onLostAnswer: 'repeat' as const,
    hasMessage: true,
    isIdTaken: true,
    bounds: { ...QUIET, alive: 2, replays: 1 },
  })),
]
