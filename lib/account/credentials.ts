import type { AppCredentials } from '../liveperson/app-jwt.ts'

/** How long a secret is used before it is read again, in milliseconds. */
const LIFE_MS = 300_000

export type SecretStage = 'AWSCURRENT' | 'AWSPREVIOUS'

/**
 * Keeps an account's credentials: read at the same time by many, they are read once; after five minutes, give or take
 * a minute, they are read again beside the call that notices; while Secrets Manager fails, the old ones go on.
 *
 * @param options.read Reads a version of the secret; undefined where there is none of that stage.
 * @param options.now Milliseconds since the epoch.
 */
export const createCredentials = ({
  read,
  now,
}: {
  readonly read: (stage: SecretStage) => Promise<AppCredentials | undefined>
  readonly now: () => number
}) => {
  let kept: { readonly credentials: AppCredentials; renewAt: number } | undefined
  let pending: Promise<AppCredentials> | undefined

  const renew = (): Promise<AppCredentials> => {
    pending ??= read('AWSCURRENT')
      .then((credentials) => {
        if (!credentials) throw new Error('A secret has always a current version')
        kept = { credentials, renewAt: now() + LIFE_MS * (0.8 + 0.4 * Math.random()) }
        return credentials
      })
      .finally(() => {
        pending = undefined
      })
    return pending
  }

  return {
    current: async (): Promise<AppCredentials> => {
      if (!kept) return renew()
      if (now() >= kept.renewAt) {
        kept.renewAt = now() + LIFE_MS / 10
        renew().catch(() => undefined)
      }
      return kept.credentials
    },
    reload: async (refused: AppCredentials): Promise<AppCredentials> => {
      if (kept && kept.credentials !== refused) return kept.credentials
      return renew().catch(() => refused)
    },
    previous: () => read('AWSPREVIOUS').catch(() => undefined),
  }
}
