import { ServiceUnavailableError } from '../errors/errors.ts'
import { isSecure } from '../net/loopback.ts'
import type { Outbound, OutboundRequest } from '../net/outbound.ts'

const MAX_ANSWER_BYTES = 256 * 1024

/** Calls a service that the stage configuration names. See {@link createThirdParty}. */
export type ThirdParty = (request: Omit<OutboundRequest, 'maxAnswerBytes' | 'timeoutMs'>) => Promise<{
  readonly status: number
  readonly body: string
}>

/**
 * Returns the one function that calls the identity provider and the bot check of the stage configuration. It
 * calls https addresses of named hosts only and doesn't follow redirects.
 *
 * It throws ServiceUnavailableError if no complete answer was read.
 *
 * @param options.loopback Whether addresses on this machine are allowed, with http, too.
 * @param options.timeoutMs Time limit of one call, in milliseconds.
 */
export const createThirdParty = ({
  outbound,
  loopback,
  timeoutMs,
}: {
  readonly outbound: Outbound
  readonly loopback: boolean
  readonly timeoutMs: number
}): ThirdParty => {
  return async (request) => {
    if (!isSecure(request.url, loopback))
      throw new ServiceUnavailableError({
        detail: 'A URL in the stage configuration is not an https URL with the name of a host.',
      })
    const result = await outbound({ ...request, timeoutMs, maxAnswerBytes: MAX_ANSWER_BYTES })
    if (result.kind === 'answer') return result
    throw new ServiceUnavailableError({
      detail: 'The identity provider or the bot-check provider did not answer.',
      cause: result.cause,
    })
  }
}
