import type { Conversation, Facts, Message, Outcome } from '../../../../lib/conversation/facts.ts'
import type { Known, Result, Seen, Step } from '../../../../lib/conversation/protocol.ts'
import type { Bounds, Configuration, World } from './state.ts'

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

const partsOf = ({
  item,
  consumer,
  livePerson,
  queue,
  quarantine,
  history,
}: World): Readonly<Record<string, string>> => ({
  ledger: item ? `${describeFacts(item.facts)} = ${describeOutcome(item.stored)}` : 'empty',
  consumer: consumer ? `${consumer.conversationId} ${consumer.isOpen ? 'open' : 'closed'}` : 'empty',
  LivePerson: `${livePerson.open ?? 'nothing'} open${livePerson.isSurvey ? ' (survey)' : ''}, ${livePerson.opened} opened, ${livePerson.messages} messages`,
  queue: list(queue.map(({ carrier, facts }) => `${carrier}: ${describeFacts(facts)}`)),
  quarantine: list(quarantine.map(({ code }) => code)),
  told: list(
    history.told.map((told) => (told.kind === 'finished' ? describeOutcome(told.outcome) : told.kind)),
  ),
})

const list = (parts: readonly string[]): string => (parts.length === 0 ? 'empty' : parts.join(' | '))

const describeFacts = ({
  claim,
  conversation,
  message,
  handedOver,
  idMissingSince,
  closings = [],
  settled,
  forgotten,
}: Facts): string =>
  [
    claim.state === 'none'
      ? 'unclaimed'
      : `claim ${claim.attempt} ${claim.state}${claim.code ? ` (${claim.code})` : ''}, ${claim.releases} released`,
    describeConversation(conversation),
    describeMessage(message),
    ...(handedOver ? ['handed over'] : []),
    ...(idMissingSince === undefined ? [] : ['id missing']),
    ...closings.map(({ conversationId }) => `${conversationId} closed`),
    ...(settled ? [`settled ${settled.conversationId} by ${settled.by}`] : []),
    ...(forgotten ? [`forgotten to ${forgotten.attempt}`] : []),
  ].join(', ')

const describeMessage = ({ tried, refused, sent, dropped }: Message): string =>
  sent
    ? 'message sent'
    : [
        tried === 0 ? 'message untried' : `message ${refused} of ${tried} refused`,
        ...(dropped ? [`dropped (${dropped})`] : []),
      ].join(', ')

const describeConversation = (conversation: Conversation): string => {
  switch (conversation.kind) {
    case 'opened':
    case 'existing':
      return `${conversation.kind} ${conversation.conversationId ?? '(unknown id)'}`
    case 'refused':
      return `refused to ${conversation.attempt}`
    default:
      return `conversation ${conversation.kind}`
  }
}

const describeStep = (step: Step): string => {
  switch (step.kind) {
    case 'record':
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
    case 'held':
    case 'final':
    case 'recorded':
      return `${seen.kind}: ${describeFacts(seen.facts)}`
    case 'opened':
      return `opened ${seen.conversationId}`
    case 'known':
      return `known ${seen.conversationId}${seen.openedBy === 'other' ? '' : ', opened by unknown'}`
    case 'own':
      return `opened ${seen.conversationId} before`
    case 'nothing_known':
      return seen.isOverdue ? 'nothing known, overdue' : 'nothing known'
    case 'asked':
      return seen.answer
    case 'message':
      return seen.answer === 'owed' ? `owed${ofAccount(seen)}` : seen.answer
    case 'not_created':
      return `not created${seen.repeatable ? ', repeatable' : ''}${ofAccount(seen)}`
    case 'create_in_doubt':
      return `in doubt${ofAccount(seen)}`
    case 'refused':
      return `refused (${seen.error.code})`
    case 'failed':
      return `failed (${seen.error.code})`
    default:
      return seen.kind
  }
}

const ofAccount = ({ isAccountInTrouble }: { readonly isAccountInTrouble: boolean }): string =>
  isAccountInTrouble ? ', account in trouble' : ''

const describeResult = (result: Result): string => {
  switch (result.kind) {
    case 'finished':
      return [
        `finished: ${describeOutcome(result.outcome)}`,
        ...(result.kept ? [`kept ${result.kept}`] : []),
        ...(result.repeated ? ['repeated'] : []),
      ].join(', ')
    case 'opening':
      return 'opening'
    case 'queued':
      return `queued ${result.kept}`
    case 'failed':
      return `failed (${result.code})`
  }
}

const describeOutcome = ({ status, conversationId, code, messageStatus, messageCode }: Outcome): string =>
  [
    status,
    conversationId,
    code && `(${code})`,
    messageStatus && `message ${messageStatus}`,
    messageCode && `(${messageCode})`,
  ]
    .filter((part) => part !== undefined)
    .join(' ')

/** Returns the name of a configuration, such as `overlap: form, hold, message`. */
export const describeConfiguration = ({
  name,
  door,
  onLostAnswer,
  hasMessage,
  isIdTaken,
}: Configuration): string =>
  `${name}: ${[door, onLostAnswer, hasMessage ? 'message' : 'no message', ...(isIdTaken ? ['id taken'] : [])].join(', ')}`

/** Returns what is bounded, on one line. */
export const describeBounds = ({
  attempts,
  alive,
  closings,
  surveys,
  others,
  tellings,
  findings,
  repeats,
  replays,
  admissions,
  ageing,
  troubles,
  maxDeaths,
}: Bounds): string =>
  [
    `attempts ${attempts}`,
    `at once ${alive}`,
    `closings ${closings}`,
    `surveys ${surveys}`,
    `other conversations ${others}`,
    `tellings of the webhook ${tellings}`,
    `findings of operators ${findings}`,
    `repeats ${repeats}`,
    `replays ${replays}`,
    `admission ${admissions.join(' or ')}`,
    ...(ageing ? ['too old'] : []),
    ...(troubles ? ['account in trouble'] : []),
    `given up after ${maxDeaths} deaths`,
  ].join(', ')

/** Returns one line with the figures of an exploration. */
export const describeExploration = (
  configuration: Configuration,
  figures: {
    readonly states: number
    readonly transitions: number
    readonly excused: number
    readonly excusedAnswers: number
    readonly findings: readonly object[]
  },
  seconds: number,
): string => {
  const { states, transitions, excused, excusedAnswers, findings } = figures
  return [
    describeConfiguration(configuration).padEnd(48),
    `${states.toLocaleString('en').padStart(10)} states`,
    `${transitions.toLocaleString('en').padStart(11)} transitions`,
    `${seconds.toFixed(1).padStart(6)} s`,
    `${excused.toLocaleString('en').padStart(8)} excused`,
    `${excusedAnswers.toLocaleString('en').padStart(6)} answers excused`,
    `${String(findings.length).padStart(3)} findings`,
  ].join('  ')
}
