/** The LivePerson services that this service calls, by their case-sensitive names in the Domain API. */
export const SERVICES = ['sentinel', 'idp', 'asyncMessagingEnt'] as const

export type Service = (typeof SERVICES)[number]

/** One bare host for each service. */
export type Hosts = Readonly<Record<Service, string>>

/** Whether a host name, without port, means this machine. */
export const isLoopback = (hostname: string): boolean =>
  hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)

/**
 * Whether credentials may be sent to an address: by https to LivePerson, or to this machine where `loopback` says that
 * the Domain API itself is there.
 */
export const isTrusted = ({ protocol, hostname, port, username }: URL, loopback: boolean): boolean => {
  if (username !== '') return false
  if (loopback && isLoopback(hostname)) return true
  return protocol === 'https:' && port === '' && /^([a-z0-9-]+\.)+liveperson\.(net|com)$/.test(hostname)
}

/** Gives the origin of a bare host, or undefined where it is not one that credentials may be sent to. */
export const toOrigin = (host: unknown, loopback: boolean): string | undefined => {
  if (typeof host !== 'string' || !/^[A-Za-z0-9.\-:[\]]{1,253}$/.test(host)) return undefined
  const scheme = loopback && URL.canParse(`http://${host}`) && isLoopback(new URL(`http://${host}`).hostname)
  const address = `${scheme ? 'http' : 'https'}://${host}`
  if (!URL.canParse(address)) return undefined
  const url = new URL(address)
  return isTrusted(url, loopback) ? url.origin : undefined
}
