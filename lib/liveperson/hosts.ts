import { isLoopback } from '../net/loopback.ts'

/** The LivePerson services that this service calls, by their case-sensitive names in the Domain API. */
export const SERVICES = ['sentinel', 'idp', 'asyncMessagingEnt'] as const

export type Service = (typeof SERVICES)[number]

/** One bare host per service, such as `z1.sentinel.liveperson.net`. */
export type Hosts = Readonly<Record<Service, string>>

/**
 * Returns whether credentials may be sent to an address: an https address of LivePerson, or any address on
 * this machine if `loopback` is true, which it is only if the Domain API itself is on this machine.
 */
export const isTrusted = (
  { protocol, hostname, port, username, password }: URL,
  loopback: boolean,
): boolean => {
  if (username !== '' || password !== '') return false
  if (loopback && isLoopback(hostname)) return true
  return protocol === 'https:' && port === '' && /^([a-z0-9-]+\.)+liveperson\.(net|com)$/.test(hostname)
}

/**
 * Returns the origin of a bare host, or undefined if credentials may not be sent there. The scheme is https,
 * or http on this machine.
 */
export const toOrigin = (host: unknown, loopback: boolean): string | undefined => {
  if (typeof host !== 'string' || !/^[A-Za-z0-9.\-:[\]]{1,253}$/.test(host)) return undefined
  const http = URL.parse(`http://${host}`)
  const url = loopback && http && isLoopback(http.hostname) ? http : URL.parse(`https://${host}`)
  return url && isTrusted(url, loopback) ? url.origin : undefined
}
