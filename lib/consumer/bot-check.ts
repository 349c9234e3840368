import * as z from 'zod/mini'
import {
  type BotCheckSecret,
  parseBotCheckSecret,
  type ReadSecret,
  readCurrentSecret,
} from '../account/secrets.ts'
import type { BotCheckConfig } from '../config/stage.ts'
import { InvalidConfigError, ServiceUnavailableError } from '../errors/errors.ts'
import { createRefreshing } from '../net/refreshing.ts'
import { sha256 } from '../request/identity.ts'
import { parseLenientJson } from '../request/lenient-json.ts'
import type { ThirdParty } from './third-party.ts'

/** How long the secret is used before it is read again, in milliseconds. */
const SECRET_LIFE_MS = 300_000

const verdict = z.object({
  success: z.boolean(),
  hostname: z.optional(z.string()),
  'error-codes': z.optional(z.array(z.string())),
})

/**
 * What the provider says about a challenge: a person solved it, and it is spent now; it was already spent, or
 * is too old; or it is no solved challenge of the account's sites.
 */
export type Verdict = 'solved' | 'spent' | 'refused'

/**
 * Returns the provider's verdict about the challenge that a token stands for.
 *
 * @throws {ServiceUnavailableError} The provider returned no verdict. The form is then refused.
 * @throws {InvalidConfigError} The provider doesn't accept the secret.
 */
export type CheckBot = (token: string) => Promise<Verdict>

/**
 * Returns a function that asks the provider whether a person solved a challenge. Turnstile, hCaptcha and
 * reCAPTCHA v2 have the same API. The consumer's IP address is not sent.
 *
 * @param options.secretId The secret that the provider issued together with the page's site key.
 * @param options.now Milliseconds since the epoch.
 * @param options.onFailure Called with each error that doesn't reach a caller, because the old secret can be
 * used.
 * @see https://developers.cloudflare.com/turnstile/get-started/server-side-validation/
 * @see https://docs.hcaptcha.com/#verify-the-user-response-server-side
 * @see https://developers.google.com/recaptcha/docs/verify
 */
export const createBotCheck = ({
  botCheck: { verifyUrl, hostnames },
  call,
  readSecret,
  secretId,
  now,
  onFailure,
}: {
  readonly botCheck: BotCheckConfig
  readonly call: ThirdParty
  readonly readSecret: ReadSecret
  readonly secretId: string
  readonly now: () => number
  readonly onFailure: (error: unknown) => void
}): CheckBot => {
  const secrets = createRefreshing<BotCheckSecret>({
    read: () =>
      readCurrentSecret(readSecret, secretId, parseBotCheckSecret).catch((error: unknown) => {
        if (secrets.peek()) onFailure(error)
        throw error
      }),
    lifetimeOf: () => ({ renewAfterMs: SECRET_LIFE_MS }),
    pauseMs: SECRET_LIFE_MS / 10,
    now,
  })

  const ask = async (token: string, { secret }: BotCheckSecret) => {
    const { status, body } = await call({
      method: 'POST',
      url: verifyUrl,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ secret, response: token }).toString(),
    })
    const answer = z.safeParse(verdict, parseLenientJson(body))
    if (!answer.success || status >= 500)
      throw new ServiceUnavailableError({
        detail: `The bot-check provider answered ${status} without a verdict.`,
      })
    const { success, hostname, 'error-codes': codes = [] } = answer.data
    if (codes.includes('internal-error'))
      throw new ServiceUnavailableError({ detail: 'The bot-check provider reported an internal error.' })
    return {
      success,
      hostname,
      isSpent: codes.length === 0 || codes.some(isSpentCode),
      isSecretRefused: codes.some(isSecretCode),
    }
  }

  /** Asks once more with the current secret if the provider refuses the cached one. */
  const askWithSecret = async (token: string) => {
    const cached = await secrets.get()
    const first = await ask(token, cached)
    if (!first.isSecretRefused) return first
    const current = await secrets.reload(cached)
    const second = await ask(token, current)
    if (!second.isSecretRefused) return second
    secrets.drop(current)
    throw new InvalidConfigError({ detail: 'The bot-check provider does not accept the secret.' })
  }

  return async (token) => {
    const { success, hostname, isSpent } = await askWithSecret(token)
    if (success) return hostnames.includes(hostname ?? '') ? 'solved' : 'refused'
    return isSpent ? 'spent' : 'refused'
  }
}

/**
 * Returns the SHA-256 of a challenge's token, in hex. It needs no key: a token has more random bits than
 * anyone can try, and is worth nothing once it is spent.
 */
export const challengeHashOf = (token: string): string => sha256(token)

/** Turnstile's and reCAPTCHA's code, and hCaptcha's. */
const isSpentCode = (code: string) => code === 'timeout-or-duplicate' || code.includes('already-seen')

const isSecretCode = (code: string) => /^(missing|invalid)-input-secret$/.test(code)
