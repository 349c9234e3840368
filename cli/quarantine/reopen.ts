import { resolve } from '../../lib/config/routes.ts'
import type { StageConfig } from '../../lib/config/stage.ts'
import type { Findings, Found } from '../../lib/conversation/findings.ts'
import { readHandOver, toHandOver } from '../../lib/conversation/hand-over.ts'
import type { Code } from '../../lib/errors/codes.ts'
import { toAppError } from '../../lib/errors/errors.ts'
import { parseLenientJson } from '../../lib/request/lenient-json.ts'
import { type QuarantinedRecord, toReplayBody } from './record.ts'
import type { Prepared } from './replay.ts'

/**
 * Lets a request that LivePerson rejected be attempted again, and returns the body to replay. A hand-over
 * holds the campaign that its route had. If the route has another one now, the replay has that one.
 *
 * @throws {ServiceUnavailableError}
 */
export const reopen = async (
  record: QuarantinedRecord,
  {
    findings,
    stage,
    reason,
  }: { readonly findings: Pick<Findings, 'forget'>; readonly stage: StageConfig; readonly reason: string },
): Promise<Prepared> => {
  const { key } = record
  // The ledger's item is that of another request.
  const isOther = record.code === ('request_id_reused' satisfies Code)
  if (!key || isOther) return { body: toReplayBody(record) }
  const found = await findings.forget(key, { reason, force: false })
  const obstacle = obstacleOf(found)
  return obstacle === undefined ? { body: rerouted(record, stage) } : { obstacle }
}

/** A request that can be tried anyway, or is open already, is replayed as it is. */
const obstacleOf = (found: Found): string | undefined => {
  switch (found.kind) {
    case 'recorded':
    case 'not_found':
    case 'nothing_to_forget':
    case 'has_conversation':
      return undefined
    case 'may_have_opened':
      return 'a create may have reached LivePerson: look there, then settle or forget the request'
    case 'no_doubt':
    case 'erased':
      return 'its ids were erased'
    case 'in_use':
      return 'an attempt holds it. Try again in a few minutes'
  }
}

const rerouted = (record: QuarantinedRecord, stage: StageConfig): string => {
  if (record.queue === 'events') return toReplayBody(record)
  try {
    const handOver = readHandOver(parseLenientJson(record.body))
    const { request } = handOver
    if (request.route === undefined) return record.body
    const { destination } = resolve(stage, request.door, request)
    return toHandOver({ ...handOver, destination })
  } catch (error) {
    // The route is gone, or the hand-over can't be read. The service says so when it gets the record.
    if (toAppError(error).code === 'internal_error') throw error
    return record.body
  }
}
