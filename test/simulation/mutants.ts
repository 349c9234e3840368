import type { Fault } from './faults.ts'

/** A defect put into the service on purpose. A run must notice it. */
export interface Mutant {
  readonly name: string
  readonly file: string
  /** Must be in the file exactly once. */
  readonly find: string
  readonly replace: string
  /** The promise that must break. Others may break too. */
  readonly breaks: string
  /** How the run differs from the usual one. */
  readonly options?: {
    readonly onLostAnswer?: 'hold'
    readonly withoutFaults?: true
    /** LivePerson sends no pushes, which could tell what the mutant hides. */
    readonly withoutWebhooks?: true
    /** Only these faults strike. */
    readonly only?: readonly Fault[]
    /** Multiplies the odds of every fault. Default: 1. */
    readonly intensity?: number
    /** Default: 800. */
    readonly requests?: number
  }
}

const FACTS = 'lib/conversation/facts.ts'
const PROTOCOL = 'lib/conversation/protocol.ts'
const ATTEMPT = 'lib/conversation/attempt.ts'
const LEDGER = 'lib/conversation/ledger.ts'
const FINDINGS = 'lib/conversation/findings.ts'
const MATCHING = 'lib/conversation/matching.ts'
const LEDGER_ITEM = 'lib/conversation/ledger-item.ts'

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'a lost answer counts as not sent',
    file: ATTEMPT,
    find: "if (isInDoubt) return { kind: 'create_in_doubt'",
    replace: "if (isInDoubt && !error) return { kind: 'create_in_doubt'",
    breaks: 'the ledger agrees with LivePerson',
  },
  {
    name: 'no first message is ever sent',
    file: FACTS,
    find: "return !hasMessage || (state === 'in_doubt' ? claim.state !== 'held' : state !== 'owed')",
    replace: 'return true',
    breaks: 'a message that was certainly not sent is sent later or accounted for',
    options: { withoutFaults: true, requests: 200 },
  },
  {
    name: 'no conversationId is ever told',
    file: PROTOCOL,
    find: "const conversation = { kind: 'opened', conversationId } as const",
    replace: "const conversation = { kind: 'opened' } as const",
    breaks: 'a conversationId that an attempt read is in the ledger',
    options: { withoutWebhooks: true },
  },
  {
    name: 'each attempt has a consumer of its own',
    file: LEDGER,
    find: 'consumerId: item.consumerId ?? consumerId,',
    replace: 'consumerId: consumerId + uuid(),',
    breaks: 'at most one conversation per request',
  },
  {
    name: 'the derived consumer of the first attempt is forgotten',
    file: LEDGER,
    find: 'consumerId: item.consumerId ?? consumerId,',
    replace: 'consumerId,',
    breaks: 'at most one conversation per request',
    options: {
      only: ['reset after', 'silent after', 'half an answer', 'deploy of a new key formula'],
      withoutWebhooks: true,
      intensity: 3,
      requests: 3000,
    },
  },
  {
    name: 'hold is ignored',
    file: PROTOCOL,
    find: "onLostAnswer === 'hold' && facts.conversation.kind === 'in_doubt'",
    replace: "onLostAnswer === 'hold' && facts.conversation.kind === 'none' && facts.handedOver === 'never'",
    breaks: 'at most one conversation per request',
    options: {
      onLostAnswer: 'hold',
      only: ['reset after', 'half an answer', 'agent closes', 'agent closes at once'],
      intensity: 5,
    },
  },
  {
    name: 'a refusal after a lost answer is believed',
    file: FACTS,
    find: "    if (kinds.includes('in_doubt') && kinds.includes('refused')) return { kind: 'unknown' }\n",
    replace: '',
    breaks: 'no conversation for a request that was told rejected',
    options: { only: ['reset after', 'half an answer', 'refused as documented'], intensity: 8 },
  },
  {
    name: 'an unknown wording counts as a refusal',
    file: 'lib/liveperson/answer.ts',
    find: 'if (isDocumented && !MAY_MEAN_OPEN.test(text))',
    replace: 'if (isDocumented)',
    breaks: 'a refusal is one of LivePerson’s',
    options: { only: ['unknown wording'], intensity: 8 },
  },
  {
    name: 'calls to a silent account take as long as ever',
    file: 'lib/liveperson/pace.ts',
    find: 'if (!isOpen() && !isSilent) return undefined',
    replace: 'if (isOpen() || isSilent || !isSilent) return undefined',
    breaks: 'one account’s trouble costs the others nothing',
    options: { only: ['account in trouble', 'account in trouble for hours'], requests: 2000 },
  },
  {
    name: 'a record that must be retried is deleted',
    file: 'lib/conversation/back-off.ts',
    find: "    case 'queued':\n      return result.kept",
    replace: "    case 'queued':\n      return result.error ? undefined : result.kept",
    breaks: 'an accepted request is finished or owed',
  },
  {
    name: 'a 202 without a hand-over',
    file: ATTEMPT,
    find: 'await queues.handOver(body, {',
    replace: 'void (body, {',
    breaks: 'every 202 is kept',
  },
  {
    name: 'the consumer’s e-mail address is dropped',
    file: 'lib/liveperson/payload.ts',
    find: 'mail: email',
    replace: 'mail: undefined',
    breaks: 'LivePerson has what the sender said',
  },
  {
    name: 'a message is sent twice',
    file: ATTEMPT,
    find: 'const answer: MessageAnswer = await livePerson.sendMessage(',
    replace:
      'await livePerson.sendMessage(consumerId, conversationId, message, sendBy)\n      const answer: MessageAnswer = await livePerson.sendMessage(',
    breaks: 'a message is sent at most once',
  },
  {
    name: 'a message whose answer was lost is sent again',
    file: PROTOCOL,
    find: "return add({}, facts.conversation.kind === 'in_doubt'",
    replace: "return add({ refused: message.tried }, facts.conversation.kind === 'in_doubt'",
    breaks: 'a message is sent at most once',
    options: { only: ['SEND: reset after', 'SEND: half an answer', 'SEND: 502 after'], intensity: 10 },
  },
  {
    name: 'a message whose answer was lost is called sent',
    file: FACTS,
    find: "      return { messageStatus: claim.state === 'held' ? 'pending' : 'unknown' }",
    replace: "      return { messageStatus: 'sent' }",
    breaks: 'what is said about a message is true',
  },
  {
    name: 'nothing says why a message was not sent',
    file: FACTS,
    find: "return { messageStatus: 'not_sent', ...given({ messageCode: message.dropped }) }",
    replace: "return { messageStatus: 'not_sent' }",
    breaks: 'a message that was certainly not sent is sent later or accounted for',
  },
  {
    name: 'a message is not sent if its account is busy',
    file: PROTOCOL,
    find: 'const owed = add({ refused: message.tried })',
    replace: "const owed = add({ refused: message.tried, dropped: 'given_up' })",
    breaks: 'a message that was certainly not sent is sent later or accounted for',
    options: { only: ['SEND: 429'], intensity: 10 },
  },
  {
    name: 'a request is given up after minutes',
    file: 'lib/service/open.ts',
    find: 'giveUpAfterHours * 3_600_000',
    replace: 'giveUpAfterHours * 60_000',
    breaks: 'a quarantined record has a true reason',
  },
  {
    name: 'two deaths interrupt a request',
    file: ATTEMPT,
    find: 'const MAX_DEATHS = 5',
    replace: 'const MAX_DEATHS = 1',
    breaks: 'a quarantined record has a true reason',
  },
  {
    name: 'a 404 counts as a lost answer',
    file: 'lib/liveperson/answer.ts',
    find: 'status < 400 || status >= 500 || status === 408',
    replace: 'status < 400 || status >= 500 || status === 408 || status === 404',
    breaks: 'a quarantined record has a true reason',
    options: { onLostAnswer: 'hold', only: ['bare 404'], intensity: 8 },
  },
  {
    name: 'nothing is quarantined',
    file: 'lib/conversation/quarantine.ts',
    find: 'await queues.quarantine(body, reason)',
    replace: "{ messageId: '', hasReason: reason !== undefined }",
    breaks: 'an event that ended without a conversation is in quarantine',
  },
  {
    name: 'a request that was given up stays queued',
    file: PROTOCOL,
    find: "const released = release('given_up', facts, code)",
    replace: "const released = release('queued', facts, code)",
    breaks: 'the ledger says that a request is in quarantine',
    options: { only: ['every create is forbidden'], intensity: 10 },
  },
  {
    name: 'the ledger keeps no messageCode',
    file: LEDGER_ITEM,
    find: 'const said = { conversationId, code, messageStatus, messageCode }',
    replace: 'const said = { conversationId, code, messageStatus, other: messageCode }',
    breaks: 'the stored outcome is that of the facts',
  },
  {
    name: 'a claim never fails',
    file: LEDGER,
    find: 'leaseUntil: until + CLOCKS_MS }',
    replace: 'leaseUntil: 1 }',
    breaks: 'what is said about a message is true',
  },
  {
    name: 'a status is always rejected',
    file: 'functions/conversation-status.ts',
    find: 'const found = id === undefined ? undefined : await service.findFormRequest(id, holder)',
    replace:
      "const it = await service.findFormRequest(id ?? '')\n  const found = it && { ...it, outcome: { ...it.outcome, status: 'rejected' as const } }",
    breaks: 'answers and status never contradict each other',
  },
  {
    name: 'a status is never final',
    file: 'functions/conversation-status.ts',
    find: 'const found = id === undefined ? undefined : await service.findFormRequest(id, holder)',
    replace:
      "const it = await service.findFormRequest(id ?? '')\n  const found = it && { ...it, outcome: { ...it.outcome, status: 'queued' as const } }",
    breaks: 'without a fault, nothing is unknown or late',
    options: { withoutFaults: true, requests: 200 },
  },
  {
    name: 'a claim hides the outcome',
    file: FACTS,
    find: '        status: conversation.kind,\n',
    replace: "        status: claim.state === 'held' ? 'opening' : conversation.kind,\n",
    breaks: 'a status never goes back from final',
    options: { requests: 2000 },
  },
  {
    name: 'a refusal is a 502',
    file: 'lib/errors/codes.ts',
    find: '  liveperson_rejected: {\n    httpStatus: 422,',
    replace: '  liveperson_rejected: {\n    httpStatus: 502,',
    breaks: 'retryable says whether a retry can help',
  },
  {
    name: 'a problem has no id',
    file: 'functions/http/problem.ts',
    find: '      requestId,\n',
    replace: '      requestId: undefined,\n',
    breaks: 'every answer carries the sender’s id',
  },
  {
    name: 'each copy of a form has another fingerprint',
    file: 'lib/request/identity.ts',
    find: 'sha256(JSON.stringify([consumerId, sorted(content)]))',
    replace: 'sha256(JSON.stringify([consumerId, sorted(content), Math.random()]))',
    breaks: 'nothing else is refused',
  },
  {
    name: 'the quarantine’s detail quotes the body',
    file: 'lib/conversation/quarantine.ts',
    find: 'detail: detailOf(error)',
    replace: 'detail: body',
    breaks: 'nothing personal is kept or logged',
  },
  {
    name: 'the log quotes the consumer',
    file: 'functions/open-from-form.ts',
    find: 'report(request, destination, result,',
    replace: 'report({ ...request, route: JSON.stringify(request.consumer) }, destination, result,',
    breaks: 'nothing personal is kept or logged',
  },
  {
    name: 'a pause never ends',
    file: 'lib/account/pause.ts',
    find: 'isPaused: async (): Promise<boolean> => (await cache.get()).pause.paused,',
    replace: 'isPaused: async (): Promise<boolean> => true,',
    breaks: 'no record stays in its queue for ever',
    options: { withoutFaults: true, requests: 20 },
  },
  {
    name: 'a pause is noticed after minutes',
    file: 'lib/account/pause.ts',
    find: '{ renewAfterMs: 20_000, expireAfterMs: 45_000 }',
    replace: '{ renewAfterMs: 600_000, expireAfterMs: 900_000 }',
    breaks: 'no call for an account a minute after it was paused',
    options: { only: ['account paused'], requests: 4000 },
  },
  {
    name: 'a Retry-After is ignored',
    file: 'lib/liveperson/pace.ts',
    find: 'now() + retryAfterMs * (1 + 0.1 * random())',
    replace: 'now()',
    breaks: 'a Retry-After is kept',
    options: { only: ['429 with Retry-After'], intensity: 10, requests: 400 },
  },
  {
    name: 'a replay repeats what was refused',
    file: LEDGER,
    find: 'if (isFinished(facts, found.hasMessage)) {',
    replace: "if (isFinished(facts, found.hasMessage) && facts.conversation.kind !== 'refused') {",
    breaks: 'a replay opens only what was given up',
    options: { requests: 3000 },
  },
  {
    name: 'an interrupted request is never attempted again',
    file: PROTOCOL,
    find: 'claim: { ...facts.claim, releases: facts.claim.attempt },',
    replace: 'claim: facts.claim,',
    breaks: 'what was given up is opened by a replay',
  },
  {
    name: 'the end of a message is no outcome',
    file: 'lib/conversation/published.ts',
    find: 'return { status, conversationId, code, messageStatus, messageCode, closedAt: closedAtOf(facts) }',
    replace:
      "return { status, conversationId, code, ...(messageStatus === 'pending' && { messageStatus, messageCode }), closedAt: closedAtOf(facts) }",
    breaks: 'the last outcome event is what the ledger holds, and no number is missing',
  },
  {
    name: 'the ledger forgets that a message was sent',
    file: LEDGER_ITEM,
    find: '      facts: others,\n',
    replace: '      facts: { ...others, message: { tried: 0, refused: 0, sent: false } },\n',
    breaks: 'a replay sends no message again',
  },
  {
    name: 'a push gives no request an id',
    file: MATCHING,
    find: 'if (!hasConversation(facts)) return undefined',
    replace: 'if (facts) return undefined',
    breaks: 'a conversation has its id once all pushes are delivered',
  },
  {
    name: 'a push settles no outcome',
    file: MATCHING,
    find: 'if (isDerived) return byStart[0]',
    replace: 'if (isDerived && hasConversation(facts)) return byStart[0]',
    breaks: 'no outcome stays unknown that LivePerson can settle',
    options: { onLostAnswer: 'hold' },
  },
  {
    name: 'a push that overtakes the answer is forgotten',
    file: LEDGER,
    find: 'if (!found || !told) return undefined',
    replace: 'return undefined',
    breaks: 'a conversation has its id once all pushes are delivered',
  },
  {
    name: 'a closing is told only to the consumer',
    file: FINDINGS,
    find: 'const openings = at === undefined ? [] : openingsIn(item)',
    replace: 'const openings: ReturnType<typeof openingsIn> = []',
    breaks: 'a closing is told, and true',
  },
  {
    name: 'a late push opens a closed conversation again',
    file: FINDINGS,
    find: "const isClosed = latest.closedAt !== undefined || (isKnown && item?.state === 'CLOSE')",
    replace: 'const isClosed = given.closedAt !== undefined',
    breaks: 'a consumer’s item names the open conversation',
  },
  {
    name: 'a push settles a request with the conversation of another one',
    file: MATCHING,
    find: "if (facts.conversation.kind === 'unknown') {",
    replace:
      "if (facts.conversation.kind === 'unknown') return byStart.at(-1)\n  if (facts.conversation.kind === 'unknown') {",
    breaks: 'a settled outcome names a conversation of its own',
    options: { onLostAnswer: 'hold', requests: 3000 },
  },
]
