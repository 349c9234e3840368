import type { OutageCase, OutageFigures } from './outage.ts'

/** A row of the table, and what it must show. */
export interface NamedCase {
  readonly name: string
  readonly given: OutageCase
  /** Whether its figures have no goal, and are only printed. */
  readonly isOnlyPrinted?: boolean
  /** How long it takes, as a rough guess: longer ones are started first. */
  readonly weight: number
}

const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** What the other account sends, alone and beside every case. */
const HEALTHY_PER_DAY = 10_000
const EVENTS_PER_DAY = 100_000
const FORMS = 200

const OUTAGES = [
  ['10m', 10 * MINUTE],
  ['1h', HOUR],
  ['2h', 2 * HOUR],
  ['4h', 4 * HOUR],
  ['24h', 24 * HOUR],
  ['48h', 48 * HOUR],
] as const

const outage = (seconds: number, how: 'silent' | '503'): OutageCase => ({
  outage: { seconds, how },
  eventsPerDay: EVENTS_PER_DAY,
  forms: FORMS,
  healthyPerDay: HEALTHY_PER_DAY,
  limit: { perSecond: 10 },
})

const flood = (perSecond: number, retryAfterSeconds?: number): OutageCase => ({
  flood: 100_000,
  healthyPerDay: HEALTHY_PER_DAY,
  limit: { perSecond, ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) },
})

/** The name of the run that every healthy account is compared with. */
export const ALONE = 'healthy-alone'

export const CASES: readonly NamedCase[] = [
  { name: ALONE, given: { healthyPerDay: HEALTHY_PER_DAY, seconds: DAY }, weight: 1, isOnlyPrinted: true },
  ...OUTAGES.map(([name, seconds]) => ({
    name: `outage-${name}`,
    given: outage(seconds, 'silent'),
    weight: seconds ** 1.3 / 1000,
  })),
  ...OUTAGES.slice(0, 4).map(([name, seconds]) => ({
    name: `outage-${name}-503`,
    given: outage(seconds, '503'),
    weight: seconds ** 1.3 / 1000,
  })),
  ...[10, 5, 2].flatMap((perSecond) => [
    { name: `flood-${perSecond}`, given: flood(perSecond), weight: 1000 / perSecond },
    { name: `flood-${perSecond}-retry`, given: flood(perSecond, 60), weight: 2000 / perSecond },
  ]),
  {
    name: 'outage-1h-ungrouped',
    given: { ...outage(HOUR, 'silent'), grouped: false },
    isOnlyPrinted: true,
    weight: 40,
  },
  { name: 'flood-10-ungrouped', given: { ...flood(10), grouped: false }, isOnlyPrinted: true, weight: 100 },
  {
    name: 'send-429',
    given: { eventsPerDay: 2 * DAY, seconds: 5020, messages: { refused: 0.8 } },
    weight: 100,
  },
  {
    name: 'pause-1h',
    given: {
      outage: { seconds: HOUR, how: 'paused' },
      eventsPerDay: EVENTS_PER_DAY,
      forms: FORMS,
      healthyPerDay: HEALTHY_PER_DAY,
      limit: { perSecond: 10 },
    },
    weight: 20,
  },
]

/**
 * Returns the goals that a case missed.
 *
 * @param aloneP99 The healthy account's p99 without the other account, in seconds.
 */
export const missedGoals = (
  { given }: NamedCase,
  figures: OutageFigures,
  aloneP99: number,
): readonly string[] => {
  const { outage, flood, messages } = given
  const isPaused = outage?.how === 'paused'
  const handedOver = figures.formAnswers[202] ?? 0
  const goals: readonly (readonly [name: string, isMet: boolean])[] = [
    ['0 quarantined', figures.quarantined === 0],
    ['one conversation per request', figures.notOnce === 0],
    ['no promise broken during the run', figures.broken.length === 0],
    ['creates per request ≤ 1.3', flood === undefined || figures.createsPerRequest <= 1.3],
    [
      'calls per container, account and second ≤ 1',
      outage === undefined || isPaused || figures.callsPerSecond <= 1,
    ],
    [
      'drained within 1.2 × backlog ÷ spare rate',
      // Every container finds out in its own time that an account is resumed.
      (outage === undefined && flood === undefined) || isPaused || figures.drained <= 1.2 * figures.ideal,
    ],
    [
      "the healthy account's p99 ≤ 2 × alone + 1 s",
      given.healthyPerDay === undefined || given.grouped === false || figures.healthy.p99 <= 2 * aloneP99 + 1,
    ],
    [
      'forms opened within 2 min (p99)',
      given.forms === undefined || (figures.forms.p99 <= 120 && handedOver === given.forms),
    ],
    [
      '99 % of the messages sent',
      messages === undefined || (figures.messages.sent ?? 0) >= 0.99 * figures.requests,
    ],
    [
      'each other message with a reason',
      Object.keys(figures.messages).every((name) => name === 'sent' || name.includes('(')),
    ],
    ['0 messages sent twice', figures.sentTwice === 0],
  ]
  return goals.flatMap(([name, isMet]) => (isMet ? [] : [name]))
}
