import type {
  Conversation,
  Facts,
  Known,
  Outcome,
  Result,
  Seen,
  Step,
} from '../../../../lib/conversation/protocol.ts'
import type { DoorBounds } from './explorations.ts'
import type { Configuration, World } from './state.ts'

/** One line of a trace. */
export type Move = { readonly who: string; readonly world: World } & (
  | {
      /** A step of an attempt. `seen` and `after` are undefined if it is the last one. */
      readonly step: Step
      readonly before: Known
      readonly seen?: Seen
      readonly after?: Known
      /** What came back, if `seen` doesn't tell everything. */
      readonly cameBack?: string | undefined
    }
  | {
      /** Anything else. */
      readonly what: string
      /** The facts of a record that is received. */
      readonly carries?: Facts | undefined
    }
)

/** Returns a trace with one line per move: who, which step, what came back, what changed. */
export const printTrace = (initial: World, moves: readonly Move[]): string => {
  const lines = moves.map((move, at) => [
    ...columnsOf(move),
    printChanges(moves[at - 1]?.world ?? initial, move.world),
  ])
  const widths = [0, 1, 2].map((column) => Math.max(0, ...lines.map((line) => line[column]?.length ?? 0)))
  return lines
    .map((line, at) => {
      const cells = line.map((cell, column) => cell.padEnd(widths[column] ?? 0))
      return `${String(at + 1).padStart(3)}  ${cells.join('  ')}`.trimEnd()
    })
    .join('\n')
}

const columnsOf = (move: Move): readonly string[] => {
  if ('what' in move)
    return [move.who, move.what, move.carries ? `carries ${describeFacts(move.carries)}` : '']
  const { who, step, seen, cameBack } = move
  if (step.kind === 'done') return [who, 'done', `-> ${describeResult(step.result)}`]
  return [who, describeStep(step), `-> ${cameBack ?? (seen ? describeSeen(seen) : '')}`]
}

/** Returns what a transition changed in the world, apart from what attempts know. */
const printChanges = (before: World, after: World): string => {
  const old = partsOf(before)
  return Object.entries(partsOf(after))
    .filter(([part, text]) => text !== old[part])
    .map(([part, text]) => `${part}: ${text}`)
    .join('; ')
}

const partsOf = (world: World): Readonly<Record<string, string>> => ({
  ledger: world.item
    ? `${describeFacts(world.item.facts)}${world.item.owner === undefined ? '' : `, lease of ${world.item.owner}`}`
    : 'empty',
  consumer: world.consumer
    ? `${world.consumer.conversationId} ${world.consumer.isOpen ? 'open' : 'closed'}`
    : 'empty',
  LivePerson: `${world.livePerson.open ?? 'nothing'} open, ${world.livePerson.opened} opened, ${world.livePerson.messages} messages`,
  queue: list(world.queue.map(({ facts }) => describeFacts(facts))),
  quarantine: list(world.quarantine.map(({ code }) => code ?? 'no reason')),
  told: list(
    world.history.told.map((told) => (told.kind === 'finished' ? describeOutcome(told.outcome) : told.kind)),
  ),
})

const list = (parts: readonly string[]): string => (parts.length === 0 ? 'empty' : parts.join(' | '))

const describeFacts = ({ claim, conversation, message }: Facts): string =>
  `${claim.state === 'none' ? 'unclaimed' : `claim ${claim.attempt} ${claim.state}`}, ` +
  `${describeConversation(conversation)}, message ${message}`

const describeConversation = (conversation: Conversation): string => {
  switch (conversation.kind) {
    case 'opened':
    case 'existing':
      return `${conversation.kind} ${conversation.conversationId ?? '(unknown id)'}`
    case 'refused':
      return `refused ${conversation.code}`
    default:
      return `conversation ${conversation.kind}`
  }
}

const describeStep = (step: Step): string => {
  switch (step.kind) {
    case 'complete':
    case 'release':
    case 'hand_over':
      return `${step.kind} (${describeFacts(step.facts)})`
    case 'quarantine':
      return `quarantine ${step.code}`
    case 'send':
    case 'ask':
    case 'forget':
      return `${step.kind} ${step.conversationId}`
    case 'wait':
      return `wait before ${step.before}`
    default:
      return step.kind
  }
}

const describeSeen = (seen: Seen): string => {
  switch (seen.kind) {
    case 'claimed':
      return `claimed, before: ${describeFacts(seen.before)}`
    case 'final':
    case 'completed':
      return `${seen.kind}: ${describeFacts(seen.facts)}`
    case 'opened':
      return `opened ${seen.conversationId}`
    case 'known':
      return `known ${seen.conversationId}${seen.openedByThis ? ', opened by this' : ''}`
    case 'asked':
    case 'message':
      return seen.answer
    case 'not_created':
      return `not created (${seen.error.code}${seen.repeatable ? ', repeatable' : ''})`
    case 'refused':
      return `refused (${seen.error.code})`
    case 'failed':
      return `failed (${seen.error.code})`
    default:
      return seen.kind
  }
}

const describeResult = (result: Result): string => {
  switch (result.kind) {
    case 'finished':
      return `finished: ${describeOutcome(result.outcome)}${result.repeated ? ' (repeated)' : ''}`
    case 'opening':
      return 'opening'
    case 'queued':
    case 'failed':
      return `${result.kind} (${result.error.code})`
  }
}

const describeOutcome = ({ status, conversationId, code, messageStatus }: Outcome): string =>
  [status, conversationId, code, messageStatus && `message ${messageStatus}`]
    .filter((part) => part !== undefined)
    .join(' ')

/** Returns the name of a configuration, such as `form, hold, message`. */
export const describeConfiguration = ({ door, onLostAnswer, hasMessage, isIdTaken }: Configuration): string =>
  [door, onLostAnswer, hasMessage ? 'message' : 'no message', ...(isIdTaken ? ['id taken'] : [])].join(', ')

/** Returns what is bounded, one line per door. */
export const describeBounds = (bounds: DoorBounds): string =>
  Object.entries(bounds)
    .map(([door, { attempts, alive, closings, others, repeats, replays }]) =>
      [
        `Bounds, ${door}: attempts ${attempts}`,
        `at once ${alive}`,
        `closings by agents ${closings}`,
        `conversations of other requests ${others}`,
        `repeats by the sender ${repeats}`,
        `replays from quarantine ${replays}`,
      ].join(', '),
    )
    .join('\n')

/** Returns one line with the figures of an exploration. */
export const describeExploration = (
  configuration: Configuration,
  figures: {
    readonly states: number
    readonly transitions: number
    readonly excused: number
    readonly findings: readonly object[]
  },
  seconds: number,
): string => {
  const { states, transitions, excused, findings } = figures
  return [
    describeConfiguration(configuration).padEnd(34),
    `${states.toLocaleString('en').padStart(10)} states`,
    `${transitions.toLocaleString('en').padStart(11)} transitions`,
    `${seconds.toFixed(1).padStart(6)} s`,
    `${excused.toLocaleString('en').padStart(8)} excused`,
    `${String(findings.length).padStart(3)} defects`,
  ].join('  ')
}
