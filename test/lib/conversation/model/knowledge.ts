import type { Facts, Known, Policy, Result, Seen, Step } from '../../../../lib/conversation/protocol.ts'
import { InternalError } from '../../../../lib/errors/errors.ts'
import { createInterner, toCanonicalText } from './interner.ts'
import type { Protocol } from './load-protocol.ts'
import type { Attempt, Configuration, Told } from './state.ts'
import { fixedAnswers } from './steps.ts'

/** Returns the protocol for the attempts of one configuration. It remembers what it computed before. */
export const createKnowledge = (protocol: Protocol, configuration: Configuration) => {
  const knowns = createInterner<Known>()
  const learned = new WeakMap<Known, Map<string, Known>>()
  const carriers = {
    memory: {
      policy: policyOf(configuration, 'memory'),
      steps: new WeakMap<Known, Step>(),
      futures: new WeakMap<Known, string>(),
    },
    record: {
      policy: policyOf(configuration, 'record'),
      steps: new WeakMap<Known, Step>(),
      futures: new WeakMap<Known, string>(),
    },
  }
  const tails = new Map<string, string>()

  const nextOf = ({ known, carrier }: Pick<Attempt, 'known' | 'carrier'>): Step => {
    const { steps, policy } = carriers[carrier]
    const found = steps.get(known)
    if (found) return found
    const next = orThrown(() => protocol.next(known, policy), carrier)
    steps.set(known, next)
    return next
  }

  const learn = (known: Known, seen: Seen): Known => {
    const bySeen = learned.get(known) ?? new Map<string, Known>()
    learned.set(known, bySeen)
    const text = JSON.stringify(seen)
    const after = bySeen.get(text) ?? knowns.intern(protocol.learn(known, seen))
    bySeen.set(text, after)
    return after
  }

  /** Returns a text that is the same for attempts that can do and tell the same from now on. */
  const futureOf = ({ known, carrier }: Pick<Attempt, 'known' | 'carrier'>): string => {
    const { futures } = carriers[carrier]
    const found = futures.get(known)
    if (found !== undefined) return found
    const tail = configuration.isExhaustive ? undefined : describeTail(known, carrier)
    const future = tail ?? String(knowns.numberOf(known))
    futures.set(known, future)
    return future
  }

  /** Only the last steps of an attempt get the same answers in every state. */
  const describeTail = (known: Known, carrier: Attempt['carrier']): string | undefined => {
    const next = nextOf({ known, carrier })
    const answers = fixedAnswers(next)
    if (!answers) return undefined
    const text = toCanonicalText([
      next.kind === 'done' ? [isOver(next.result), toldOf(next.result)] : next,
      known.facts,
      answers.map((seen) => {
        const after = learn(known, seen)
        return after === known ? 'stuck' : futureOf({ known: after, carrier })
      }),
    ])
    const tail = tails.get(text) ?? `t${tails.size}`
    tails.set(text, tail)
    return tail
  }

  return {
    begin: (facts: Facts): Known => knowns.intern(protocol.begin(facts)),
    nextOf,
    learn,
    futureOf,
  }
}

/** An attempt ends if the protocol throws. An invariant reports it. */
const orThrown = (next: () => Step, carrier: Attempt['carrier']): Step => {
  try {
    return next()
  } catch (cause) {
    const error = new InternalError({ detail: 'The protocol threw.', cause })
    return { kind: 'done', result: { kind: carrier === 'record' ? 'queued' : 'failed', error } }
  }
}

const policyOf = ({ hasMessage, onLostAnswer }: Configuration, carrier: Policy['carrier']): Policy => ({
  hasMessage,
  onLostAnswer,
  carrier,
  // How often a form asks again for a held claim makes no difference.
  heldWaitsMs: carrier === 'memory' ? [150] : [],
  repeatAfterMs: 1000,
})

/** Returns whether a record is deleted after this result. */
export const isOver = ({ kind }: Result): boolean => kind === 'finished' || kind === 'failed'

/** Returns what the sender of a form is told, or undefined if it may try again. */
export const toldOf = (result: Result): Told | undefined => {
  switch (result.kind) {
    case 'finished':
      return { kind: 'finished', outcome: result.outcome }
    // The sender sees a 202 either way.
    case 'opening':
    case 'queued':
      return { kind: 'accepted' }
    case 'failed':
      return undefined
  }
}
