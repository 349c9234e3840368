/** A JSON object whose members have not been checked yet. */
export type JsonRecord = Readonly<Record<string, unknown>>

/** Returns whether a value is an object, neither null nor an array. */
export const isRecord = (value: unknown): value is JsonRecord =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Returns the parsed value, or `undefined` if the text is not JSON. V8's message quotes the text, so it is
 * dropped.
 */
export const parseLenientJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
