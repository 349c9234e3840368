import { ServiceUnavailableError } from '../errors/errors.ts'
import { isLoopback } from '../liveperson/hosts.ts'

const MAX_ANSWER_BYTES = 256 * 1024

interface Call {
  readonly method: 'GET' | 'POST'
  readonly headers?: Headers | Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: AbortSignal
}

export type ThirdParty = ReturnType<typeof createThirdParty>

/**
 * Returns the one function that calls what the stage configuration names beside LivePerson: an identity provider's
 * keys, a bot check. By https, or on this machine where `loopback`; no redirect is followed, no large answer read.
 *
 * It throws ServiceUnavailableError where no whole answer was read.
 */
export const createThirdParty = ({
  fetch,
  loopback,
}: {
  readonly fetch: typeof globalThis.fetch
  readonly loopback: boolean
}) => {
  return async (url: string, { method, headers = {}, body, signal }: Call): Promise<Response> => {
    if (!isPrivate(url, loopback))
      throw new ServiceUnavailableError({ detail: 'An address of the stage configuration is not https.' })
    try {
      const response = await fetch(url, { method, headers, body: body ?? null, redirect: 'manual', signal })
      return new Response((await readBytes(response)) || null, { status: response.status })
    } catch (cause) {
      throw new ServiceUnavailableError({ detail: 'A third party does not answer.', cause })
    }
  }
}

/** Whether nobody on the way can read or change what is sent to an address. */
export const isPrivate = (address: string, loopback: boolean): boolean => {
  const { protocol, hostname, username } = new URL(address)
  if (username !== '') return false
  return protocol === 'https:' || (loopback && protocol === 'http:' && isLoopback(hostname))
}

const readBytes = async (response: Response): Promise<string> => {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength
    if (size > MAX_ANSWER_BYTES) throw new Error('The answer is larger than 256 KB')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
