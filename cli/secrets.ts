import {
  parseAppCredentials,
  parseBotCheckSecret,
  type ReadSecret,
  readCurrentSecret,
  readPreviousSecret,
} from '../lib/account/secrets.ts'
import type { AppCredentials } from '../lib/liveperson/app-jwt.ts'
import type { Found } from './doctor/steps.ts'

/** The secret of an account. */
export interface Secret {
  readonly current: AppCredentials
  /** Undefined if there is no previous version, or if it can't be used. */
  readonly previous: AppCredentials | undefined
}

/**
 * Reads the secret of an account. A previous version that can't be used isn't a failure.
 *
 * @throws {InvalidConfigError | ServiceUnavailableError}
 */
export const findSecret = async (readSecret: ReadSecret, secretId: string): Promise<Found<Secret>> => {
  const current = await readCurrentSecret(readSecret, secretId, parseAppCredentials)
  const { previous, note } = await readPreviousSecret(readSecret, secretId, parseAppCredentials).then(
    (previous) => ({ previous, note: previous ? 'AWSPREVIOUS is valid' : 'there is no AWSPREVIOUS' }),
    () => ({ previous: undefined, note: "AWSPREVIOUS can't be used" }),
  )
  return {
    value: { current, previous },
    found: `${secretId}: AWSCURRENT is valid, ${note}`,
    warnings: whiteSpaceIn(current),
  }
}

/**
 * Reads the secret of an account's bot check.
 *
 * @throws {InvalidConfigError | ServiceUnavailableError}
 */
export const findBotCheckSecret = async (readSecret: ReadSecret, secretId: string): Promise<Found<true>> => {
  const current = await readCurrentSecret(readSecret, secretId, parseBotCheckSecret)
  return {
    value: true,
    found: `${secretId}: AWSCURRENT is valid`,
    warnings: whiteSpaceIn(current),
  }
}

/** A copied line break is part of the value, and is invisible. */
const whiteSpaceIn = (values: object): readonly string[] =>
  Object.entries(values)
    .filter(([, value]) => typeof value === 'string' && value !== value.trim())
    .map(
      ([name]) =>
        `${name} of AWSCURRENT has white space around it, which is sent, too. Store the value without it.`,
    )
