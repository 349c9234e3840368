/** How many addresses are remembered. Most calls go to the same few. */
const MAX_ADDRESSES = 1000

/**
 * Returns a function that parses an address. It returns undefined if the address may not be called, and
 * throws if it isn't one. It remembers addresses that may be called.
 */
export const createAddressBook = (mayCall: (address: string) => boolean) => {
  const known = new Map<string, URL>()
  return (address: string): URL | undefined => {
    const seen = known.get(address)
    if (seen) return seen
    if (!mayCall(address)) return undefined
    const url = new URL(address)
    if (known.size === MAX_ADDRESSES) known.clear()
    known.set(address, url)
    return url
  }
}
