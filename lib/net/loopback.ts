/** Returns whether a host name, without a port, means this machine. */
export const isLoopback = (hostname: string): boolean =>
  hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)

/**
 * Returns whether an address is https, or http on this machine if `loopback` allows that. An address with
 * credentials never is.
 */
export const isSecure = (address: string, loopback: boolean): boolean => {
  const { protocol, hostname, username, password } = new URL(address)
  if (username !== '' || password !== '') return false
  return protocol === 'https:' || (loopback && protocol === 'http:' && isLoopback(hostname))
}
