/** The abstract LivePerson: one consumer, who has at most one open conversation. */
import { forget, putConsumer } from './ledger.ts'
import type { Bounds, Configuration, LivePerson, World } from './state.ts'

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
 * closed the first one before the ledger knew about it, or if an attempt overran its lease.
 */
export const open = ({ onLostAnswer }: Configuration, world: World): Opened | undefined => {
  const { livePerson, item, history } = world
  if (livePerson.open !== undefined) return undefined
  const kind = item?.facts.conversation.kind
  const isUnknown = kind !== 'opened' && kind !== 'existing'
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

/** Something that happens without an attempt. */
export interface Happening {
  readonly kind: 'closed' | 'surveyed' | 'opened' | 'opened_and_stored' | 'told'
  readonly who: string
  readonly what: string
  readonly world: World
}

/** Returns what agents, the webhook and other requests of the same consumer can do. */
export const happenings = (world: World, bounds: Bounds): readonly Happening[] => [
  ...byAgents(world, bounds),
  ...byOthers(world, bounds),
  ...byWebhook(world, bounds),
]

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
  const conversationId = `other-${others + 1}`
  const after = {
    ...world,
    livePerson: { ...livePerson, open: conversationId, isSurvey: false, others: others + 1 },
  }
  const consumer = { conversationId, isOpen: true, openedByThis: false, at: opened + others + 1 }
  const who = 'other request'
  return [
    {
      kind: 'opened_and_stored',
      who,
      what: 'opens a conversation',
      world: putConsumer(after, consumer),
    },
    { kind: 'opened', who, what: 'opens a conversation, and its answer is lost', world: after },
  ]
}

const byWebhook = (world: World, { tellings }: Bounds): readonly Happening[] => {
  const { livePerson, consumer } = world
  const { open, opened, others } = livePerson
  if (livePerson.tellings >= tellings) return []
  const after: World = { ...world, livePerson: { ...livePerson, tellings: livePerson.tellings + 1 } }
  const who = 'webhook'
  if (open !== undefined && !(consumer?.isOpen && consumer.conversationId === open)) {
    const openedByThis = consumer?.conversationId === open && consumer.openedByThis
    // The open conversation is the latest one.
    const told = putConsumer(after, { conversationId: open, isOpen: true, openedByThis, at: opened + others })
    return [{ kind: 'told', who, what: `tells that ${open} is open`, world: told }]
  }
  if (consumer?.isOpen && consumer.conversationId !== open) {
    const told = forget(after, consumer.conversationId)
    return [{ kind: 'told', who, what: `tells that ${consumer.conversationId} is closed`, world: told }]
  }
  return []
}
