import { randomBytes } from 'node:crypto'

/** Outputs of the service, by what they are. */
export type Outputs = Readonly<Record<string, readonly string[]>>

/** One mark that was found where it must not be. */
export interface Found {
  readonly kind: string
  readonly mark: string
}

/** A name that stands nowhere else in the world. */
export const makeMark = (what: string): string => `canary${what}${randomBytes(6).toString('hex')}`

/** The same in digits, for what has to look like a telephone number. */
export const makeDigits = (): string => `98${BigInt(`0x${randomBytes(6).toString('hex')}`)}`.padEnd(16, '7')

/**
 * Searches outputs for marks: as they are in any case, in base64 wherever they begin in it, and in hex.
 *
 * @param marks By name.
 */
export const findMarks = (outputs: Outputs, marks: Readonly<Record<string, string>>): readonly Found[] =>
  Object.entries(outputs).flatMap(([kind, texts]) => {
    const text = texts.join('\n')
    const lower = text.toLowerCase()
    return Object.entries(marks)
      .filter(
        ([, mark]) =>
          lower.includes(mark.toLowerCase()) ||
          lower.includes(Buffer.from(mark).toString('hex')) ||
          toBase64s(mark).some((encoded) => text.includes(encoded)),
      )
      .map(([name]) => ({ kind, mark: name }))
  })

/** What base64 makes of a text at each of the three places where it may begin, without what its neighbours decide. */
const toBase64s = (text: string): readonly string[] =>
  [0, 1, 2].flatMap((before) => {
    const bytes = Buffer.from('\0'.repeat(before) + text)
    const whole = bytes.subarray(0, bytes.length - (bytes.length % 3))
    const core = (encoding: 'base64' | 'base64url') => whole.toString(encoding).slice(before === 0 ? 0 : 4)
    return [core('base64'), core('base64url')]
  })
