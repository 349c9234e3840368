import type { AppCredentials } from '../liveperson/app-jwt.ts'
import { createRefreshing } from '../net/refreshing.ts'
import {
  parseAppCredentials,
  type ReadSecret,
  readCurrentSecret,
  readPreviousSecret,
  type SecretStage,
} from './secrets.ts'

/** How long a secret is used before it is read again, in milliseconds, plus or minus 20 %. */
const LIFE_MS = 300_000

/**
 * Returns the credentials of one account. The secret is read again about every five minutes, without delaying
 * a call. While Secrets Manager fails, the old credentials are used.
 *
 * @param options.now Milliseconds since the epoch.
 * @param options.random Returns a number from 0 up to, but not including, 1.
 * @param options.onFailure Called with each error that doesn't reach a caller, because other credentials can
 * be used.
 */
export const createCredentials = ({
  readSecret,
  secretId,
  now,
  random,
  onFailure,
}: {
  readonly readSecret: ReadSecret
  readonly secretId: string
  readonly now: () => number
  readonly random: () => number
  readonly onFailure: (stage: SecretStage, error: unknown) => void
}) => {
  const readCurrent = () => readCurrentSecret(readSecret, secretId, parseAppCredentials)

  const cache = createRefreshing<AppCredentials>({
    read: () =>
      readCurrent().catch((error: unknown) => {
        if (cache.peek()) onFailure('AWSCURRENT', error)
        throw error
      }),
    readAgain: readCurrent,
    // Containers that started together don't read together.
    lifetimeOf: () => ({ renewAfterMs: LIFE_MS * (0.8 + 0.4 * random()) }),
    pauseMs: LIFE_MS / 10,
    now,
  })

  return {
    /**
     * Returns the current credentials.
     *
     * @throws {UnusableSecretError} No secret has been read yet, and only an operator can help.
     * @throws {SecretUnavailableError} No secret has been read yet, and the call to Secrets Manager failed.
     */
    current: async (): Promise<AppCredentials> => cache.get(),

    /**
     * Reads the current secret again, unless `refused` has already been replaced. Returns `refused` if that
     * fails. Concurrent calls share one read.
     */
    reload: (refused: AppCredentials): Promise<AppCredentials> =>
      cache.reload(refused).catch((error: unknown) => {
        onFailure('AWSCURRENT', error)
        return refused
      }),

    /** Returns the credentials before the current ones, undefined if there are none or they can't be read. */
    previous: (): Promise<AppCredentials | undefined> =>
      readPreviousSecret(readSecret, secretId, parseAppCredentials).catch((error: unknown) => {
        onFailure('AWSPREVIOUS', error)
        return undefined
      }),
  }
}
