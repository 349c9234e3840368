import type { Quarantined } from './ending.ts'
import { GIVE_UP_HOURS } from './requests.ts'
import { isFinal } from './statuses.ts'
import type { Invariant, Subject } from './subject.ts'

/** The clocks of two containers may differ by this. */
const CLOCKS_MS = 10_000

/** The youngest that a request may be given up. */
export const GIVE_UP_MS = GIVE_UP_HOURS * 3_600_000 - CLOCKS_MS

/** After how many attempts that died a record is given up. */
const MAX_DEATHS = 5

/** A record notices a pause when it is delivered, which is after a quarter of an hour and its turn at the latest. */
const PAUSE_NOTICED_MS = 1_200_000

/** The codes with which a request is given up because of its age. */
const GIVEN_UP: readonly string[] = [
  'liveperson_unavailable',
  'credentials_refused',
  'service_unavailable',
  'internal_error',
  'invalid_config',
]

/** Whether a request with this code was given up, and a replay may open it. */
export const isGivenUp = (code: string): boolean => GIVEN_UP.includes(code) || code === 'interrupted'

/** Promises about what is in quarantine. */
export const QUARANTINE_INVARIANTS: Readonly<Record<string, Invariant>> = {
  'a quarantined record has a true reason': (subject) =>
    subject.quarantined.flatMap((record) => lies(record, subject)),

  'an event that ended without a conversation is in quarantine': ({ planned, item, quarantined }) =>
    planned.door === 'queue' &&
    (item?.status === 'rejected' || item?.status === 'outcome_unknown') &&
    quarantined.every(({ code }) => code !== item.code)
      ? [`${item.status} with ${item.code}, and not in quarantine with that code`]
      : [],

  'the ledger says that a request is in quarantine': ({ planned, item, quarantined, ending }) => {
    // Two copies may be given up at the same time, and the later attempt's may arrive first.
    const last = quarantined.toSorted((a, b) => a.attempts - b.attempts || a.at - b.at).at(-1)
    if (!last || planned.isInvalid || ending.waiting.has(planned.key) || isFinal(item?.status)) return []
    return item?.status === 'failed' && item.code === last.code
      ? []
      : [`quarantined as ${last.code}, and its status is ${item?.status} ${item?.code ?? ''}`]
  },
}

/** Returns how old a request was at a time, without the time that its account was paused. */
export const ageMsAt = ({ planned, ending }: Subject, at: number): number => {
  const acceptedAt = ending.startedAt + (planned.copies[0] ?? 0)
  return at - acceptedAt - ending.pausedMs(planned.accountId, acceptedAt, at, PAUSE_NOTICED_MS)
}

/** Returns what is not true about the reason of a quarantined record. */
const lies = ({ code, at, attempts }: Quarantined, subject: Subject): readonly string[] => {
  const { planned, own, witnessed, ending, item } = subject
  // An attempt that can't release its claim looks like one that died.
  const deaths = witnessed.deaths + ending.failedWrites(String(item?.pk))
  // While the record was on its way to quarantine, a later attempt may have opened it.
  const isOpenBy = own.some(
    ({ openedAt }) => openedAt <= at && ending.claimsBy(String(item?.pk), openedAt) <= attempts,
  )
  if (code === '') return ['it has no reason']
  if (GIVEN_UP.includes(code)) {
    return [
      ...(attempts >= 1 ? [] : [`given up as ${code} after ${attempts} attempts`]),
      ...(isOpenBy ? [`given up as ${code}, and LivePerson has its conversation`] : []),
      ...(ageMsAt(subject, at) >= GIVE_UP_MS ? [] : [`given up as ${code} too early`]),
    ]
  }
  switch (code) {
    case 'liveperson_rejected':
      return [
        ...(isOpenBy ? ['quarantined as refused, and it is open'] : []),
        ...(witnessed.isRefused ? [] : ['quarantined as refused, which it was not']),
      ]
    case 'outcome_unknown':
      return witnessed.mayBeOpen || deaths > 0
        ? []
        : ['quarantined as unknown, and every answer proved that nothing was opened']
    case 'interrupted':
      return deaths >= MAX_DEATHS ? [] : [`quarantined as interrupted after ${deaths} deaths`]
    case 'invalid_request':
      return planned.isInvalid ? [] : ['quarantined as invalid, which it is not']
    default:
      return [`quarantined as ${code}`]
  }
}
