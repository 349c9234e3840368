import { randomBytes, randomInt } from 'node:crypto'

/** What the service has written, by kind. */
export type Outputs = Readonly<Record<string, readonly string[]>>

/** A mark that an output contains. */
export interface Found {
  readonly kind: string
  readonly mark: string
}

/** Returns a text that occurs nowhere else. */
export const makeMark = (what: string): string => `canary${what}${randomBytes(6).toString('hex')}`

/** Returns a mark of 15 digits, for numbers and telephone numbers. As a number, it is a safe integer. */
export const makeDigits = (): string => `98${randomInt(10 ** 12)}`.padEnd(15, '7')

/**
 * Returns the marks in outputs: as they are, in any case, in base64 at any offset, and in hex.
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

/**
 * Returns the base64 of a text at each of its three offsets, without the characters that depend on its
 * neighbours.
 */
const toBase64s = (text: string): readonly string[] =>
  [0, 1, 2].flatMap((before) => {
    const bytes = Buffer.from('\0'.repeat(before) + text)
    const whole = bytes.subarray(0, bytes.length - (bytes.length % 3))
    const core = (encoding: 'base64' | 'base64url') => whole.toString(encoding).slice(before === 0 ? 0 : 4)
    return [core('base64'), core('base64url')]
  })
