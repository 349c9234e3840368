import { createRandom } from './random.ts'

/** A request, and when its sender sends it. */
export interface Planned {
  /** Unique in the run. LivePerson's conversation carries it as `context.sessionId`. */
  readonly key: string
  readonly door: 'form' | 'queue'
  readonly accountId: string
  readonly body: {
    readonly requestId?: string
    readonly accountId?: string
    readonly campaign?: { readonly campaignId: string; readonly engagementId: string }
    readonly route?: string
    readonly consumer: { readonly id?: string; readonly firstName: string; readonly email: string }
    readonly context: { readonly sessionId: string }
    readonly message?: string
  }
  /** When each copy is sent, in milliseconds from the start of the run. */
  readonly copies: readonly number[]
  /** Whether LivePerson refuses it because its campaign doesn't exist. */
  readonly isRefused: boolean
  /** Whether it names neither a campaign nor a route, so that the service refuses it. */
  readonly isInvalid: boolean
  /** Whether other requests have the same consumer. */
  readonly isShared: boolean
}

/** Every personal value contains this text. */
export const MARK = 'Personal-Mark'

export const ACCOUNTS = ['70123456', '70999999'] as const
const CAMPAIGNS = {
  form: { campaignId: '3120045610', engagementId: '3120047710' },
  queue: { campaignId: '3120045610', engagementId: '3120047711' },
} as const
const UNKNOWN_CAMPAIGN = { campaignId: '999999', engagementId: '999999' }

/** The give-up age of a run, in hours: the least that a stage may have. */
export const GIVE_UP_HOURS = 1

/**
 * Returns the stage configuration of a run. `reordered` lists the accounts in reverse order, as a later
 * deployment may.
 */
export const stageOf = ({
  onLostAnswer,
  reordered,
  giveUpAfterHours = GIVE_UP_HOURS,
}: {
  readonly onLostAnswer: 'repeat' | 'hold'
  readonly reordered: boolean
  readonly giveUpAfterHours?: number | undefined
}) => {
  const accounts = ACCOUNTS.map((accountId, index) => ({
    accountId,
    default: index === 0,
    // The run decides whether the first account repeats or holds. The second always repeats.
    onLostAnswer: index === 0 ? onLostAnswer : 'repeat',
    form: { campaigns: 'any' },
    routes: { [`help-${index}`]: { ...CAMPAIGNS.form, doors: ['form'] } },
  }))
  return {
    origins: ['https://www.example.com'],
    giveUpAfterHours,
    accounts: reordered ? accounts.toReversed() : accounts,
  }
}

/**
 * Returns the requests of a run. They come in waves, so that many are in flight at once. Half of them come
 * through each door. A third of the events share their consumer, some have none, a quarter of the requests
 * have a first message, and some forms reuse an event's id.
 */
export const planRequests = (
  seed: string,
  count: number,
  spanMs: number,
  span?: 'day',
): readonly Planned[] => {
  const waves = span === 'day' ? count : Math.max(1, Math.ceil(count / 500))
  return Array.from({ length: count }, (_, index): Planned => {
    const random = createRandom(`${seed}\nrequest ${index}`)
    const door = span === 'day' || index % 2 === 0 ? 'queue' : 'form'
    const wave = Math.floor((index / count) * waves) * (spanMs / waves)
    const at = Math.floor(wave + (random.chance(0.7) ? random.below(200) : random.below(spanMs / waves)))
    const isRefused = random.chance(0.02)
    const isInvalid = !isRefused && random.chance(0.01)
    const isShared = door === 'queue' && random.chance(0.33)
    const takesEventId = door === 'form' && random.chance(0.05)
    const key = `${door}-${index}`
    const requestId = takesEventId ? `queue-${index - 1}-id` : `${key}-id`
    const isSecondAccount = random.chance(0.25)
    const accountId = isSecondAccount ? ACCOUNTS[1] : ACCOUNTS[0]
    const campaign = isRefused ? UNKNOWN_CAMPAIGN : CAMPAIGNS[door]
    const named = { firstName: `${MARK} Ada ${index}`, email: `${MARK}-${index}@example.org` }
    const copies = 1 + (random.chance(0.3) ? 1 + random.below(2) : 0)
    return {
      key,
      door,
      accountId,
      isRefused,
      isInvalid,
      isShared,
      copies: Array.from({ length: copies }, (_, copy) =>
        copy === 0 ? at : at + (random.chance(0.5) ? random.below(50) : random.below(60_000)),
      ),
      body: {
        requestId,
        ...(door === 'queue' && (isSecondAccount || random.chance(0.5)) && { accountId }),
        // A form can't name an account. Its route does.
        ...(!isInvalid &&
          (door === 'form' && isSecondAccount && !isRefused ? { route: 'help-1' } : { campaign })),
        consumer: {
          ...(isShared && { id: `shared-${Math.floor(index / 12)}` }),
          // The service derives the consumer of the others.
          ...(door === 'queue' && !isShared && random.chance(0.7) && { id: `consumer-n${index}` }),
          ...named,
        },
        context: { sessionId: key },
        ...(random.chance(0.25) && { message: `${MARK} message of ${key}` }),
      },
    }
  }).map((planned) =>
    planned.door === 'form' && (planned.isRefused || planned.isInvalid)
      ? { ...planned, accountId: ACCOUNTS[0] }
      : planned,
  )
}
