import { deathsOf, hasConversation, isGivenUp, mayHaveOpened } from '../lib/conversation/facts.ts'
import type { ShownRequest } from '../lib/conversation/findings.ts'

/** Returns where the record of a request should be now, by what the ledger knows. */
export const whereaboutsOf = ({ key: { door }, outcome, facts, inUseUntil }: ShownRequest): string => {
  const isInQueue = door === 'queue' || facts.handedOver
  const queue = facts.handedOver ? 'the hand-over queue' : 'the events queue'
  if (inUseUntil !== undefined)
    return isInQueue
      ? `in flight: an attempt has received it from ${queue}`
      : 'in the memory of the function that attempts it'
  switch (outcome.status) {
    case 'opened':
    case 'existing':
      return outcome.messageStatus === 'pending'
        ? `in ${queue}, until its message is sent`
        : 'nowhere: it is done'
    case 'rejected':
      return isInQueue ? IN_QUARANTINE : 'nowhere: the sender of the form was told'
    case 'outcome_unknown':
      return IN_QUARANTINE
    case 'opening':
    case 'queued':
      return `in ${queue}`
    case 'failed':
      if (isGivenUp(facts) && (isInQueue || facts.forgotten !== undefined)) return IN_QUARANTINE
      return isInQueue ? `in ${queue}, or in quarantine` : 'nowhere: the sender of the form can repeat it'
  }
}

const IN_QUARANTINE = 'in quarantine, unless it was dropped'

/** Returns what would happen if a request were forgotten, by what the ledger knows. */
export const meaningOfForget = ({ facts, outcome, inUseUntil, isErased }: ShownRequest): string => {
  if (isErased) return 'refused: its ids were erased'
  if (inUseUntil !== undefined) return 'refused until the attempt is over'
  if (hasConversation(facts)) return 'refused: it has a conversation'
  if (mayHaveOpened(facts) || facts.claim.state === 'held')
    return 'refused without --force: a create may have reached LivePerson. If the conversation exists, the next copy opens a second one'
  if (outcome.status === 'rejected') return 'its next copy is attempted again. Replay its record'
  return 'nothing: its next copy is attempted anyway'
}

/** Returns how many attempts there were, and how they ended. */
export const describeAttempts = ({ facts: { claim } }: ShownRequest): string => {
  const { attempt, state } = claim
  const died = deathsOf(claim)
  const ends = [...(died > 0 ? [`${died} died`] : []), ...(state === 'held' ? ['1 is not over'] : [])]
  return ends.length === 0 ? String(attempt) : `${attempt}, of which ${ends.join(' and ')}`
}
