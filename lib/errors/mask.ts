import type { Finding } from './errors.ts'

/** Identifiers of at most 64 characters look like names in code. Names of people and addresses rarely do. */
const isIdentifier = (name: string) => /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/.test(name)

/**
 * Returns a dotted path for logs. Sender-chosen names can be personal data, so unsafe ones become `(masked)`.
 *
 * @param path Names and array indexes, outermost first.
 */
export const maskPath = (path: readonly PropertyKey[]): string =>
  path
    .map(String)
    .map((part) => (isIndex(part) || isIdentifier(part) ? part : '(masked)'))
    .join('.')

const isIndex = (part: string) => /^\d{1,3}$/.test(part)

const MAX_LENGTH = 200

/** Returns where a finding is, for logs: a dotted path with unsafe names masked, '' for the whole input. */
export const toSafePath = ({ path, maskedPath = path }: Finding): string =>
  maskedPath === '' ? '' : maskPath(maskedPath.split('.')).slice(0, MAX_LENGTH)
