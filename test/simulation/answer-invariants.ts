import { isFinished, outcomeOf } from '../../lib/conversation/facts.ts'
import type { Told } from './ending.ts'
import { factsOf, finalOf, isFinal } from './statuses.ts'
import type { Invariant } from './subject.ts'

/** Promises about what a sender is told, and about what the ledger says. */
export const ANSWER_INVARIANTS: Readonly<Record<string, Invariant>> = {
  'the stored outcome is that of the facts': ({ item }) => {
    if (!item) return []
    const facts = factsOf(item)
    const hasMessage = item.hasMessage === true
    const expected: Readonly<Record<string, unknown>> = { ...outcomeOf(facts, hasMessage) }
    return [
      ...OUTCOME.filter((name) => item[name] !== expected[name]).map(
        (name) => `${name} is ${item[name]}, and the facts say ${expected[name]}`,
      ),
      ...(item.finished === isFinished(facts, hasMessage) ? [] : [`finished is ${item.finished}`]),
    ]
  },

  'answers and status never contradict each other': ({ planned: { key }, told, item, ending }) => {
    // A refusal is told, even if neither the ledger nor the queue could be told.
    const hasFailedWrite = ending.failedWrites(String(item?.pk)) > 0
    const isUnrecorded = hasFailedWrite && ending.lostQueue.has(key)
    const isChecked = ({ how, httpStatus }: Told) => !(isUnrecorded && how === 'answer' && httpStatus === 422)
    const finals = new Set(told.filter(isChecked).flatMap((each) => finalOf(each) ?? []))
    // A lost answer that arrives late settles it.
    finals.delete('outcome_unknown')
    const [final, ...otherFinals] = finals
    const contradictions = [
      ...(otherFinals.length > 0 ? [`told ${[...finals].join(' and ')}`] : []),
      ...(final !== undefined && item?.status !== final ? [`told ${final}, and it is ${item?.status}`] : []),
    ]
    const wasTold = (status: string) => told.some(({ body }) => body.messageStatus === status)
    if (wasTold('sent') && item?.messageStatus !== 'sent')
      contradictions.push(`told that its message was sent, and it is ${item?.messageStatus}`)
    // If the ledger wasn't told that a queue keeps the request, its message seems to be lost with the attempt.
    if (wasTold('not_sent') && item?.messageStatus !== 'not_sent' && !hasFailedWrite)
      contradictions.push(`told that its message was not sent, and it is ${item?.messageStatus}`)
    if (ending.reopened.has(key)) return contradictions
    const [id, ...otherIds] = new Set(told.flatMap(({ body }) => body.conversationId ?? []))
    if (otherIds.length > 0) contradictions.push(`told the ids ${[id, ...otherIds].join(', ')}`)
    else if (id !== undefined && item?.conversationId !== id)
      contradictions.push(`told ${id}, and the ledger has ${item?.conversationId}`)
    return contradictions
  },

  'a status never goes back from final': ({ told }) => {
    const statuses = told.filter(({ how }) => how === 'status')
    const first = statuses.find(({ body }) => isFinal(body.status))
    // Of two calls that overlap, either may have read the table first.
    const later = first
      ? statuses.filter(({ askedAt, body }) => askedAt > first.at && !isFinal(body.status))
      : []
    return later.length > 0
      ? [`after a final status: ${later.map(({ body }) => body.status).join(', ')}`]
      : []
  },

  'without a fault, nothing is unknown or late': ({ planned: { body }, item, told, ending }) => {
    if (ending.hasFaults) return []
    const statuses = told.filter(({ httpStatus }) => httpStatus < 300).map((each) => each.body.status)
    const later = statuses.slice(statuses.findIndex(isFinal)).filter((status) => !isFinal(status))
    return [
      ...(body.message !== undefined && item?.messageStatus === 'unknown' ? ['the message is unknown'] : []),
      ...(statuses.some(isFinal) ? later.map((status) => `told ${status} after a final status`) : []),
    ]
  },

  'retryable says whether a retry can help': ({ told }) =>
    told.flatMap(({ httpStatus, body }) =>
      body.retryable === false && httpStatus >= 500 ? [`${httpStatus} that is not retryable`] : [],
    ),

  'every answer carries the sender’s id': ({ told, planned }) =>
    told.flatMap(({ body, httpStatus }) =>
      Object.keys(body).length > 0 && body.requestId !== planned.body.requestId
        ? [`${httpStatus} with the id ${body.requestId}`]
        : [],
    ),

  'nothing else is refused': ({ told, planned }) =>
    told.flatMap((each) => {
      const { httpStatus, body } = each
      if (httpStatus < 300 || httpStatus === 503 || finalOf(each) !== undefined) return []
      if (httpStatus === 400 && planned.isInvalid) return []
      // API Gateway's own answers don't have a body of the service.
      return Object.keys(body).length === 0 ? [] : [`${httpStatus} ${body.code}`]
    }),
}

const OUTCOME = ['status', 'code', 'conversationId', 'messageStatus', 'messageCode'] as const
