/** Returns whether a host name, without a port, means this machine. */
export const isLoopback = (hostname: string): boolean =>
  hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)

/**
 * Returns whether the host of a parsed URL is a name: neither an IP address nor this machine. URL has already
 * turned every notation of an IPv4 address, such as `0x7f.1`, into four decimal numbers.
 */
export const isNamedHost = (hostname: string): boolean =>
  !/^(\[.*\]|\d+(\.\d+){3}|(.+\.)?localhost\.?)$/.test(hostname)

/**
 * Returns whether an address may be called: https at a named host, or any address on this machine if
 * `loopback` allows that. An address with credentials never may. Names are not looked up.
 */
export const isSecure = (address: string, loopback: boolean): boolean => {
  const { protocol, hostname, username, password } = new URL(address)
  if (username !== '' || password !== '') return false
  if (loopback && isLoopback(hostname)) return protocol === 'http:' || protocol === 'https:'
  return protocol === 'https:' && isNamedHost(hostname)
}
