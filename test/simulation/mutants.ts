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
  readonly options?: { readonly onLostAnswer?: 'hold'; readonly withoutFaults?: true }
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'a lost answer counts as not sent',
    file: 'lib/conversation/attempt.ts',
    find: "? { kind: 'create_in_doubt', error }\n      :",
    replace: "? { kind: 'not_created', error, repeatable: true }\n      :",
    breaks: 'the ledger agrees with LivePerson',
  },
  {
    name: 'no first message is ever sent',
    file: 'lib/conversation/protocol.ts',
    find: 'if (policy.hasMessage && isOpenedByThisAttempt',
    replace: 'if (!policy.hasMessage && isOpenedByThisAttempt',
    breaks: 'a message that was certainly not sent is sent later or accounted for',
    options: { withoutFaults: true },
  },
  {
    name: 'no conversationId is ever told',
    file: 'lib/conversation/protocol.ts',
    find: "{ conversation: { kind: 'opened', conversationId }, lpConsumerId }",
    replace: "{ conversation: { kind: 'opened' }, lpConsumerId }",
    breaks: 'a conversationId that an attempt read is in the ledger',
  },
  {
    name: 'each attempt has a consumer of its own',
    file: 'lib/conversation/attempt.ts',
    find: '    const { accountId, consumerId, requestId } = request\n',
    replace:
      '    const { accountId, requestId } = request\n    const consumerId = request.consumerId + String(random()).slice(2)\n',
    breaks: 'at most one conversation per request',
  },
  {
    name: 'a claim never fails',
    file: 'lib/conversation/ledger.ts',
    find: "' OR (#status = :opening AND #leaseUntil < :now)))',",
    replace: "' OR (#status = :opening AND #leaseUntil < :now))) OR attribute_exists(#pk)',",
    breaks: 'answers and status never contradict each other',
  },
  {
    name: 'a 202 without a hand-over',
    file: 'lib/conversation/attempt.ts',
    find: 'await queues.send(toHandOver(request, step.facts), handOverDelayMs(step, carrier))',
    replace: 'handOverDelayMs(step, carrier)',
    breaks: 'every 202 is kept',
  },
  {
    name: 'a message is sent twice',
    file: 'lib/conversation/attempt.ts',
    find: 'const answer = await livePerson.sendMessage(',
    replace:
      'await livePerson.sendMessage(consumerId, step.conversationId, message, deadline)\n          const answer = await livePerson.sendMessage(',
    breaks: 'a message is sent at most once',
  },
  {
    name: 'a hand-over forgets what is known',
    file: 'lib/conversation/hand-over.ts',
    find: 'handedOver: { door, requestId, accountId, consumerId, fingerprint, request, facts },',
    replace:
      "handedOver: { door, requestId, accountId, consumerId, fingerprint, request, facts: { claim: { attempt: 0, state: 'none' }, conversation: { kind: 'none' }, message: 'unsent' } },",
    breaks: 'a conversationId that an attempt read is in the ledger',
  },
  {
    name: 'a status is always rejected',
    file: 'functions/conversation-status.ts',
    find: 'return toAnswer(200, { requestId, status,',
    replace: "return toAnswer(200, { requestId, status: 'rejected' as typeof status,",
    breaks: 'answers and status never contradict each other',
  },
  {
    name: 'a status is never final',
    file: 'functions/conversation-status.ts',
    find: 'return toAnswer(200, { requestId, status,',
    replace: "return toAnswer(200, { requestId, status: 'queued' as typeof status,",
    breaks: 'without a fault, nothing is unknown or late',
    options: { withoutFaults: true },
  },
  {
    name: 'a message is called unknown and never sent',
    file: 'lib/conversation/attempt.ts',
    find: 'const answer = await livePerson.sendMessage(',
    replace:
      "if (message) return { kind: 'message', answer: 'unknown' }\n          const answer = await livePerson.sendMessage(",
    breaks: 'without a fault, nothing is unknown or late',
    options: { withoutFaults: true },
  },
  {
    name: 'the consumer’s e-mail address is dropped',
    file: 'lib/liveperson/payload.ts',
    find: 'mail: email',
    replace: 'mail: undefined',
    breaks: 'LivePerson has what the sender said',
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
    name: 'an abandoned attempt leaves no doubt',
    file: 'lib/conversation/protocol.ts',
    find: "const died = before.claim.state === 'held'",
    replace: 'const died = before.claim.attempt < 0',
    breaks: 'the ledger agrees with LivePerson',
  },
  {
    name: 'hold is ignored',
    file: 'lib/conversation/protocol.ts',
    find: "onLostAnswer === 'hold' && facts.conversation.kind === 'in_doubt'",
    replace: "onLostAnswer === 'hold' && facts.conversation.kind === 'held'",
    breaks: 'at most one conversation per request',
    options: { onLostAnswer: 'hold' },
  },
  {
    name: 'nothing is quarantined',
    file: 'lib/conversation/quarantine.ts',
    find: 'await queues.quarantine(body,',
    replace: 'void (body,',
    breaks: 'an event that ended as rejected is in quarantine',
  },
  {
    name: 'a record that must be retried is deleted',
    file: 'lib/conversation/back-off.ts',
    find: "    case 'queued':\n      return backOffMs(receives, result.error.retryAfterMs, random)",
    replace: "    case 'queued':\n      return undefined",
    breaks: 'an accepted request is finished or owed',
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
    name: 'a busy LivePerson counts as a refusal',
    file: 'lib/liveperson/answer.ts',
    find: "if (status === 429) return { kind: 'unavailable',",
    replace: "if (status === 428) return { kind: 'unavailable',",
    breaks: 'a refusal is one of LivePerson’s',
  },
  {
    name: 'a final outcome can be overwritten',
    file: 'lib/conversation/ledger.ts',
    find: '#status IN (:queued, :failed)',
    replace: '#status IN (:queued, :failed) OR #code = :failed OR #status <> :opening',
    breaks: 'a status never goes back from final',
  },
]
