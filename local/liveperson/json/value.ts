/** A JSON object whose members aren't known yet. */
export type JsonObject = Record<string, unknown>

/** Returns true for a JSON object, false for null and for an array. */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Returns the parsed value, or `undefined` if the text isn't JSON. */
export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
