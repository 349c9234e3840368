/** The abstract LivePerson: one consumer, who has at most one open conversation. */
import type { Facts } from '../../../../lib/conversation/facts.ts'
import { createLedger, forget, putConsumer } from './ledger.ts'
import type { Protocol } from './load-protocol.ts'
import type { Attempt, Bounds, Configuration, LivePerson, World } from './state.ts'

/** A conversation that LivePerson opened for this request. */
export interface Opened {
  readonly world: World
  readonly conversationId: string
  /** Its number, in the order in which LivePerson opened them. */
  readonly at: number
}

/**
 * Returns the new conversation after a create that LivePerson carries out, or undefined if the consumer has an
 * open one.
 *
 * A second conversation of a request is excused on an account that repeats a create in doubt, if an agent
 * closed the first one before the attempt could know about it, or if an attempt overran its lease.
 */
export const open = (
  { onLostAnswer }: Configuration,
  world: World,
  { known: { progress } }: Pick<Attempt, 'known'>,
): Opened | undefined => {
  const { livePerson, item, history } = world
  if (livePerson.open !== undefined) return undefined
  // The webhook may have told the ledger after this attempt's claim.
  const seen = livePerson.tellings > 0 ? progress.ledger : item?.facts
  const isUnknown = seen === undefined || !isFound(seen)
  const isExcused = onLostAnswer === 'repeat' && livePerson.opened > 0 && (isUnknown || history.isOverrun)
  const conversationId = `own-${livePerson.opened + 1}`
  return {
    conversationId,
    at: livePerson.opened + livePerson.others + 1,
    world: {
      ...world,
      livePerson: {
        ...livePerson,
        open: conversationId,
        isSurvey: false,
        opened: livePerson.opened + 1,
        excused: livePerson.excused + (isExcused ? 1 : 0),
      },
    },
  }
}

/** Returns the world after LivePerson accepted a message. More than two are as bad as two. */
export const accept = (world: World): World => ({
  ...world,
  livePerson: { ...world.livePerson, messages: Math.min(2, world.livePerson.messages + 1) },
})

/** Returns whether a conversation accepts messages. */
export const accepts = ({ livePerson: { open, isSurvey } }: World, conversationId: string): boolean =>
  open === conversationId && !isSurvey

const isFound = ({ conversation: { kind } }: Facts): boolean => kind === 'opened' || kind === 'existing'

/** Something that happens without an attempt. */
export interface Happening {
  readonly kind: 'closed' | 'surveyed' | 'opened' | 'opened_and_stored' | 'told' | 'found'
  readonly who: string
  readonly what: string
  readonly world: World
}

/** Returns functions that return what can happen without an attempt. */
export const createHappenings = (protocol: Protocol, configuration: Configuration) => {
  const { record } = createLedger(protocol, configuration)
  const { bounds, flaw } = configuration

  /** Returns the conversation that LivePerson's push shows to be this request's. */
  const ownConversation = ({ livePerson: { open, opened, closings } }: World): string | undefined => {
    if (flaw === 'the webhook takes any conversation') return open
    if (open?.startsWith('own-')) return open
    return opened > 0 && closings > 0 ? `own-${opened}` : undefined
  }

  /** What the webhook adds to the request's item: an id that is missing, or a closing. */
  const toldToRequest = (world: World): readonly Happening[] => {
    const { item, livePerson } = world
    if (!item || livePerson.tellings >= bounds.tellings) return []
    const after: World = { ...world, livePerson: { ...livePerson, tellings: livePerson.tellings + 1 } }
    const { conversationId: known } = protocol.outcomeOf(item.facts, false)
    const tell = (what: string, facts: Facts): readonly Happening[] => {
      const told = record(after, facts)
      return told.item === item ? [] : [{ kind: 'found', who: 'webhook', what, world: told }]
    }
    if (known !== undefined) {
      if (known === livePerson.open && flaw !== 'the webhook calls any conversation closed') return []
      return tell(`tells that ${known} is closed`, withClosed(item.facts, known))
    }
    const { open, closings } = livePerson
    // The conversation that was open when LivePerson said so.
    const id = item.facts.conversation.kind === 'existing' && closings === 0 ? open : ownConversation(world)
    if (id === undefined) return []
    const settled = protocol.settledBy(item.facts, { by: 'liveperson', conversationId: id, at: 1 })
    return tell(`tells the request of ${id}`, id === open ? settled : withClosed(settled, id))
  }

  /** What a person records who has looked in LivePerson. No attempt is at work. */
  const byOperator = (world: World): readonly Happening[] => {
    const { item, livePerson, history } = world
    if (!item || history.findings >= bounds.findings || isFound(item.facts)) return []
    const looked: World = { ...world, history: { ...history, findings: history.findings + 1 } }
    const { status } = protocol.outcomeOf(item.facts, false)
    if (livePerson.opened > 0) {
      if (status !== 'outcome_unknown') return []
      const conversationId = `own-${livePerson.opened}`
      const found = { by: 'operator', conversationId, at: 1, reason: 'seen' } as const
      const settled = record(looked, protocol.settledBy(item.facts, found))
      return [{ kind: 'found', who: 'operator', what: `finds ${conversationId}`, world: settled }]
    }
    if (status !== 'outcome_unknown' && status !== 'rejected') return []
    const forgotten = record(looked, protocol.forgottenAt(item.facts, 1, 'not there'))
    // What was said before has been taken back.
    const told = history.told.filter(({ kind }) => kind === 'accepted')
    const after = { ...looked.history, told, isInDoubt: false, isForgotten: true }
    return [
      { kind: 'found', who: 'operator', what: 'finds nothing', world: { ...forgotten, history: after } },
    ]
  }

  return {
    /** What agents, the webhook and other requests of the same consumer can do. */
    happenings: (world: World): readonly Happening[] => [
      ...byAgents(world, bounds),
      ...byOthers(world, bounds),
      ...byWebhook(world, bounds),
      ...toldToRequest(world),
    ],
    /** What is added to the request's item while no attempt is at work. */
    foundLater: (world: World): readonly Happening[] =>
      world.attempts.length > 0 ? [] : [...toldToRequest(world), ...byOperator(world)],
  }
}

const withClosed = (facts: Facts, conversationId: string): Facts => ({
  ...facts,
  closings: [...(facts.closings ?? []), { conversationId, at: 1 }],
})

const byAgents = (world: World, bounds: Bounds): readonly Happening[] => {
  const { livePerson } = world
  const { open, isSurvey, closings, surveys } = livePerson
  if (open === undefined) return []
  const surveyed: LivePerson = { ...livePerson, isSurvey: true, surveys: surveys + 1 }
  return [
    ...(closings < bounds.closings
      ? [{ kind: 'closed', who: 'agent', what: `closes ${open}`, world: close(world) } as const]
      : []),
    ...(surveys < bounds.surveys && !isSurvey
      ? [
          {
            kind: 'surveyed',
            who: 'agent',
            what: `starts the survey of ${open}`,
            world: { ...world, livePerson: surveyed },
          } as const,
        ]
      : []),
  ]
}

/** Returns the world after an agent closed the open conversation. */
export const close = (world: World): World => ({
  ...world,
  livePerson: {
    ...world.livePerson,
    open: undefined,
    isSurvey: false,
    closings: world.livePerson.closings + 1,
  },
})

const byOthers = (world: World, bounds: Bounds): readonly Happening[] => {
  const { livePerson } = world
  const { open, others, opened } = livePerson
  if (open !== undefined || others >= bounds.others) return []
  // Sorts after `own-1`, so that a merge can't settle two ids in favor of the later conversation.
  const conversationId = `theirs-${others + 1}`
  const after = {
    ...world,
    livePerson: { ...livePerson, open: conversationId, isSurvey: false, others: others + 1 },
  }
  const consumer = { conversationId, isOpen: true, openedBy: 'other', at: opened + others + 1 } as const
  const who = 'other request'
  return [
    {
      kind: 'opened_and_stored',
      who,
      what: 'opens a conversation',
      world: putConsumer(after, consumer),
    },
    {
      kind: 'opened',
      who,
      what: 'opens a conversation, and its answer is lost',
      world: { ...after, livePerson: { ...after.livePerson, lost: conversationId } },
    },
  ]
}

const byWebhook = (world: World, { tellings }: Bounds): readonly Happening[] => {
  const { livePerson, consumer } = world
  const { open, opened, others } = livePerson
  if (livePerson.tellings >= tellings) return []
  const after: World = { ...world, livePerson: { ...livePerson, tellings: livePerson.tellings + 1 } }
  const who = 'webhook'
  if (open !== undefined && !(consumer?.isOpen && consumer.conversationId === open)) {
    const openedBy = consumer?.conversationId === open ? consumer.openedBy : 'unknown'
    // The open conversation is the latest one.
    const told = putConsumer(after, { conversationId: open, isOpen: true, openedBy, at: opened + others })
    return [{ kind: 'told', who, what: `tells that ${open} is open`, world: told }]
  }
  if (consumer?.isOpen && consumer.conversationId !== open) {
    const told = forget(after, consumer.conversationId)
    return [{ kind: 'told', who, what: `tells that ${consumer.conversationId} is closed`, world: told }]
  }
  return []
}
