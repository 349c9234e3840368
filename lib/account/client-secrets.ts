import { createRefreshing } from '../net/refreshing.ts'
import { parseAppCredentials, type ReadSecret, readCurrentSecret, readPreviousSecret } from './secrets.ts'

/** How long the secrets are used before they are read again, in milliseconds. */
const LIFE_MS = 300_000
/**
 * How often the secrets are read again because no signature matched, in milliseconds: anyone can cause that.
 */
const RELOAD_MS = 10_000

/**
 * Returns the client secrets with which LivePerson may sign: the current one, and the previous one during a
 * rotation.
 *
 * @param options.now Milliseconds since the epoch.
 * @param options.onFailure Called with each error of reading the previous secret.
 */
export const createClientSecrets = ({
  readSecret,
  secretId,
  now,
  onFailure,
}: {
  readonly readSecret: ReadSecret
  readonly secretId: string
  readonly now: () => number
  readonly onFailure: (error: unknown) => void
}) => {
  let reloadedAt = Number.NEGATIVE_INFINITY

  const read = async (): Promise<readonly string[]> => {
    const [current, previous] = await Promise.all([
      readCurrentSecret(readSecret, secretId, parseAppCredentials),
      readPreviousSecret(readSecret, secretId, parseAppCredentials).catch((error: unknown) => {
        onFailure(error)
        return undefined
      }),
    ])
    return [current, previous].flatMap((each) => each?.clientSecret ?? [])
  }

  const cache = createRefreshing({
    read,
    lifetimeOf: () => ({ renewAfterMs: LIFE_MS }),
    pauseMs: LIFE_MS / 10,
    now,
  })

  return {
    /**
     * Returns whether one of the secrets passes a test. If none does, they are read again: one may be new.
     *
     * @throws {UnusableSecretError} No secret has been read yet, and only an operator can help.
     * @throws {SecretUnavailableError} No secret has been read yet, and the call to Secrets Manager failed.
     */
    fits: async (test: (clientSecrets: readonly string[]) => boolean): Promise<boolean> => {
      const known = await cache.get()
      if (test(known)) return true
      if (now() - reloadedAt < RELOAD_MS) return false
      reloadedAt = now()
      return test(await cache.reload(known))
    },
  }
}
