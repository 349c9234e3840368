/** The abstract LivePerson: one consumer, who has at most one open conversation. */
import type { Protocol } from './load-protocol.ts'
import type { Bounds, Configuration, LivePerson, World } from './state.ts'

/**
 * Returns the world after a create that LivePerson carries out, and the new conversation's id, or undefined
 * if the consumer has an open conversation.
 *
 * A second conversation of a request is excused on an account that repeats a create in doubt, if an agent
 * closed the first one before the ledger knew about it.
 */
export const open = (
  { isFinal }: Protocol,
  { onLostAnswer }: Configuration,
  world: World,
): { readonly world: World; readonly conversationId: string } | undefined => {
  const { livePerson, item } = world
  if (livePerson.open !== undefined) return undefined
  const conversationId = `own-${livePerson.opened + 1}`
  const isExcused = onLostAnswer === 'repeat' && livePerson.opened > 0 && !(item && isFinal(item.facts))
  return {
    conversationId,
    world: {
      ...world,
      livePerson: {
        ...livePerson,
        open: conversationId,
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

/** Something that happens without an attempt. */
export interface Happening {
  readonly kind: 'closed' | 'opened' | 'opened_and_stored'
  readonly who: string
  readonly what: string
  readonly world: World
}

/** Returns what agents and other requests of the same consumer can do. */
export const happenings = (world: World, bounds: Bounds): readonly Happening[] => {
  const { livePerson } = world
  const { open, closings, others } = livePerson
  if (open !== undefined) {
    if (closings >= bounds.closings) return []
    const closed: LivePerson = { ...livePerson, open: undefined, closings: closings + 1 }
    return [{ kind: 'closed', who: 'agent', what: `closes ${open}`, world: { ...world, livePerson: closed } }]
  }
  if (others >= bounds.others) return []
  const conversationId = `other-${others + 1}`
  const opened = { ...world, livePerson: { ...livePerson, open: conversationId, others: others + 1 } }
  const who = 'other request'
  return [
    {
      kind: 'opened_and_stored',
      who,
      what: 'opens a conversation',
      world: { ...opened, consumer: { conversationId, isOpen: true, openedByThis: false } },
    },
    { kind: 'opened', who, what: 'opens a conversation, and its answer is lost', world: opened },
  ]
}
