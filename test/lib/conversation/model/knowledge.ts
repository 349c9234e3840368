import { retryDelayMs } from '../../../../lib/conversation/back-off.ts'
import type { Facts } from '../../../../lib/conversation/facts.ts'
import type { Known, Policy, Result, Seen, Step } from '../../../../lib/conversation/protocol.ts'
import { InternalError } from '../../../../lib/errors/errors.ts'
import { createInterner, toCanonicalText } from './interner.ts'
import type { Protocol } from './load-protocol.ts'
import type { Attempt, Configuration, Told } from './state.ts'
import { fixedAnswers } from './steps.ts'

/** What decides the next step of an attempt. */
type Deciding = Pick<Attempt, 'known' | 'carrier' | 'admission' | 'isTooOld'>

/** Returns the protocol for the attempts of one configuration. It remembers what it computed before. */
export const createKnowledge = (protocol: Protocol, configuration: Configuration) => {
  const knowns = createInterner<Known>()
  const learned = new WeakMap<Known, Map<string, Known>>()
  const policies = new Map<string, ReturnType<typeof rememberFor>>()
  const tails = new Map<string, string>()

  const rememberFor = ({ carrier, admission, isTooOld }: Deciding) => ({
    name: `${carrier} ${admission} ${isTooOld}`,
    policy: policyOf(configuration, { carrier, admission, isTooOld: isTooOld ?? false }),
    steps: new WeakMap<Known, Step>(),
    decided: new WeakMap<Known, readonly (boolean | undefined)[]>(),
    futures: new WeakMap<Known, string>(),
  })

  const memoryOf = (deciding: Deciding) => {
    const key = `${deciding.carrier} ${deciding.admission} ${deciding.isTooOld}`
    const memory = policies.get(key) ?? rememberFor(deciding)
    policies.set(key, memory)
    return memory
  }

  const nextOf = (deciding: Deciding): Step => {
    const { steps, policy } = memoryOf(deciding)
    const { known } = deciding
    const found = steps.get(known)
    if (found) return found
    const next = orThrown(() => protocol.next(known, policy), policy.carrier)
    steps.set(known, next)
    return next
  }

  /** Returns the ages that an attempt can have from now on. Undefined: its age makes no difference yet. */
  const agesOf = (deciding: Deciding): readonly (boolean | undefined)[] => {
    if (deciding.isTooOld !== undefined) return [deciding.isTooOld]
    const { decided } = memoryOf(deciding)
    const found = decided.get(deciding.known)
    if (found) return found
    const [young, old] = [false, true].map((isTooOld) => toCanonicalText(nextOf({ ...deciding, isTooOld })))
    const ages = young === old ? [undefined] : [false, true]
    decided.set(deciding.known, ages)
    return ages
  }

  const learn = (known: Known, seen: Seen): Known => {
    const bySeen = learned.get(known) ?? new Map<string, Known>()
    learned.set(known, bySeen)
    const text = JSON.stringify(seen)
    const after = bySeen.get(text) ?? knowns.intern(withoutCount(protocol.learn(known, seen)))
    bySeen.set(text, after)
    return after
  }

  /** Returns a text that is the same for attempts that can do and tell the same from now on. */
  const futureOf = (deciding: Deciding): string => {
    const { futures, name } = memoryOf(deciding)
    const { known } = deciding
    const found = futures.get(known)
    if (found !== undefined) return found
    const tail = configuration.isExhaustive ? undefined : describeTail(deciding)
    const future = tail ?? `${name} ${knowns.numberOf(known)}`
    futures.set(known, future)
    return future
  }

  /** Only the last steps of an attempt get the same answers in every state. */
  const describeTail = (deciding: Deciding): string | undefined => {
    const next = nextOf(deciding)
    const answers = fixedAnswers(next)
    if (!answers) return undefined
    const text = toCanonicalText([
      next.kind === 'done' ? [isOver(next.result), toldOf(next.result)] : next,
      deciding.known.facts,
      deciding.known.progress.claim,
      answers.map((seen) => {
        const after = learn(deciding.known, seen)
        if (after === deciding.known) return 'stuck'
        return agesOf({ ...deciding, known: after }).map((isTooOld) =>
          futureOf({ ...deciding, known: after, isTooOld }),
        )
      }),
    ])
    const tail = tails.get(text) ?? `t${tails.size}`
    tails.set(text, tail)
    return tail
  }

  return {
    begin: (facts: Facts): Known => knowns.intern(protocol.begin(facts)),
    nextOf,
    agesOf,
    learn,
    futureOf,
  }
}

/** The protocol asks only whether there was a recording. So an attempt that goes round in circles is found. */
const withoutCount = (known: Known): Known => ({
  ...known,
  progress: { ...known.progress, recordings: Math.min(1, known.progress.recordings) },
})

/** An attempt ends if the protocol throws. An invariant reports it. */
const orThrown = (next: () => Step, carrier: Attempt['carrier']): Step => {
  try {
    return next()
  } catch (cause) {
    const error = new InternalError({ detail: 'The protocol threw.', cause })
    const result: Result =
      carrier === 'memory'
        ? { kind: 'failed', code: error.code, error }
        : { kind: 'queued', kept: 'in_record', error }
    return { kind: 'done', result }
  }
}

const policyOf = (
  { hasMessage, onLostAnswer, bounds: { maxDeaths } }: Configuration,
  decided: Pick<Policy, 'carrier' | 'admission' | 'isTooOld'>,
): Policy => ({
  ...decided,
  hasMessage,
  onLostAnswer,
  maxDeaths,
  isolateAfterDeaths: 2,
  // A hand-over is sent anew, and then is no redelivery.
  isRedelivered: decided.carrier === 'event',
  isWornOut: false,
  // How often a form asks again for a held claim makes no difference.
  heldWaitsMs: decided.carrier === 'memory' ? [150] : [],
  repeatAfterMs: decided.carrier === 'memory' ? 1000 : undefined,
  maxWaitMs: 2000,
})

/** Returns whether a record is deleted after this result. */
export const isOver = (result: Result): boolean => retryDelayMs(result, 1, () => 0) === undefined

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
