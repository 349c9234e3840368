/** Numbers that depend only on a seed. The generator is sfc32, seeded with the FNV-1a hash of a text. */
export interface Random {
  /** From 0 up to, but not including, 1. */
  readonly next: () => number
  readonly chance: (probability: number) => boolean
  /** A whole number from 0 up to, but not including, `end`. */
  readonly below: (end: number) => number
  readonly between: (from: number, to: number) => number
  readonly pick: <T>(list: readonly [T, ...T[]]) => T
  /** A UUID-shaped id. */
  readonly uuid: () => string
}

export const createRandom = (seed: string): Random => {
  let [a, b, c, d] = [hash(`a${seed}`), hash(`b${seed}`), hash(`c${seed}`), 1]
  const bits = (): number => {
    const t = (a + b + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + t
    return t >>> 0
  }
  for (let round = 0; round < 12; round++) bits()
  const next = () => bits() / 4_294_967_296
  const below = (end: number) => Math.floor(next() * end)
  const hex = () => bits().toString(16).padStart(8, '0')
  return {
    next,
    chance: (probability) => next() < probability,
    below,
    between: (from, to) => from + below(to - from),
    pick: (list) => list[below(list.length)] ?? list[0],
    uuid: () => {
      const [w, x, y, z] = [hex(), hex(), hex(), hex()]
      return `${w}-${x.slice(0, 4)}-4${x.slice(5)}-a${y.slice(1, 4)}-${y.slice(4)}${z}`
    },
  }
}

/**
 * Returns a number from 0 up to, but not including, 1. It depends only on the arguments, not on what was
 * drawn before.
 */
export const chanceOf = (seed: string, name: string): number => createRandom(`${seed}\n${name}`).next()

export const hash = (text: string): number => {
  let h = 0x811c9dc5
  for (let index = 0; index < text.length; index++) h = Math.imul(h ^ text.charCodeAt(index), 0x01000193)
  return h | 0
}
