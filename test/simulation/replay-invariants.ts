import type { Ending } from './ending.ts'
import { type Finding, subjectsOf } from './invariants.ts'
import { isGivenUp } from './quarantine-invariants.ts'
import { isFinal, isOpened } from './statuses.ts'
import type { Subject } from './subject.ts'

/** Promises about the replay of everything that was quarantined, and of every event, at the end of a run. */
export const REPLAY_INVARIANTS: Readonly<
  Record<string, (before: Subject, after: Subject) => readonly string[]>
> = {
  'a replay opens only what was given up': (before, after) => {
    const opened = after.own.length - before.own.length
    if (opened === 0) return []
    if (!wasGivenUp(before)) return [`${opened} more conversations`]
    const isAllowed = after.own.length === 1 || after.ending.reopened.has(after.planned.key)
    return isAllowed ? [] : [`${after.own.length} conversations after it was given up`]
  },

  'what was given up is opened by a replay': (before, after) => {
    const { planned, item } = after
    if (!wasGivenUp(before) || planned.isRefused || isOpened(item?.status)) return []
    // The consumer has a conversation whose id nobody knows. It stays open in this world.
    if (isHeldByOther(after)) return []
    const isHeld =
      item?.status === 'outcome_unknown' && after.ending.onLostAnswer(planned.accountId) === 'hold'
    return isHeld ? [] : [`its status is ${item?.status} ${item?.code ?? ''}`]
  },

  'a replay sends no message again': (_, { planned, ending }) => {
    const sent = ending.messages.get(planned.body.message ?? '') ?? 0
    return sent > 1 ? [`sent ${sent} times`] : []
  },
}

const wasGivenUp = ({ item, quarantined }: Subject): boolean =>
  !isFinal(item?.status) && quarantined.some(({ code }) => isGivenUp(code))

const isHeldByOther = ({ planned, ending }: Subject): boolean =>
  planned.isShared &&
  ending.conversations.some(
    ({ extConsumerId, state }) => extConsumerId === planned.body.consumer.id && state === 'OPEN',
  )

/** Returns a finding for each promise that a replay broke. */
export const checkReplay = (before: Ending, after: Ending): readonly Finding[] => {
  const afterwards = new Map(subjectsOf(after).map((subject) => [subject.planned.key, subject]))
  return subjectsOf(before).flatMap((subject) => {
    const { key } = subject.planned
    const replayed = afterwards.get(key)
    return replayed
      ? Object.entries(REPLAY_INVARIANTS).flatMap(([invariant, holds]) =>
          holds(subject, replayed).map((detail) => ({ invariant, key, detail })),
        )
      : []
  })
}
