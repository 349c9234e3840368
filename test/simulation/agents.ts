import type { Conversation } from '../../local/liveperson/state/store.ts'
import type { Closed } from './ending.ts'
import { type Faults, numbersFor } from './faults.ts'
import type { SimulatedLivePerson } from './liveperson.ts'
import { createRandom } from './random.ts'
import type { VirtualTime } from './time.ts'
import type { Trace } from './trace.ts'

/** Returns agents, who close some conversations: at once, later, or after a survey. */
export const createAgents = ({
  seed,
  time,
  faults,
  trace,
  livePerson,
}: {
  readonly seed: string
  readonly time: VirtualTime
  readonly faults: Faults
  readonly trace: Trace
  readonly livePerson: () => SimulatedLivePerson
}) => {
  const closed: Closed[] = []

  const close = ({ conversationId, state, context }: Conversation) => {
    if (state !== 'OPEN') return
    trace.add('agent', `closes ${conversationId} of ${context?.sessionId}`)
    closed.push({ conversationId, at: time.now() })
    livePerson().close(conversationId)
  }

  const startSurvey = (conversation: Conversation) => {
    const { conversationId, state, context } = conversation
    if (state !== 'OPEN') return
    trace.add('agent', `starts the survey of ${conversationId} of ${context?.sessionId}`)
    livePerson().startSurvey(conversationId)
  }

  return {
    /** Every conversation that an agent closed. */
    closed: closed as readonly Closed[],

    /** Decides what becomes of a conversation that was just opened. */
    onOpened: (conversation: Conversation): void => {
      const { conversationId, context } = conversation
      trace.add('LivePerson', `opens ${conversationId} for ${context?.sessionId}`)
      const point = `agent of ${context?.sessionId} ${conversationId}`
      const numbers = numbersFor(seed, point)
      switch (
        faults.strike(point, {
          'agent closes at once': 0.05,
          'agent closes': 0.1,
          'agent closes after a survey': 0.04,
        })
      ) {
        case 'agent closes at once':
          time.after(numbers.pick([5, 40, 100, 400]), () => close(conversation))
          break
        case 'agent closes':
          time.after(numbers.pick([3000, 20_000]), () => close(conversation))
          break
        case 'agent closes after a survey': {
          const surveyAt = numbers.pick([5, 40, 100, 400, 5000])
          time.after(surveyAt, () => startSurvey(conversation))
          const lengthMs = numbers.pick([5000, 120_000, 120_000, 5_400_000])
          time.after(surveyAt + lengthMs, () => close(conversation))
          break
        }
        case undefined:
      }
    },

    /** Closes half of the conversations that are open. */
    closeHalf: (): void => {
      const random = createRandom(`${seed}\nagents`)
      for (const conversation of [...livePerson().state.store.conversations.values()])
        if (conversation.state === 'OPEN' && random.chance(0.5)) close(conversation)
    },
  }
}
