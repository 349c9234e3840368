import * as z from 'zod/mini'
import type { BotCheckConfig } from '../config/stage.ts'
import { BotCheckFailedError, InvalidConfigError, ServiceUnavailableError } from '../errors/errors.ts'
import { parseLenientJson } from '../request/lenient-json.ts'
import type { ThirdParty } from './third-party.ts'

/** How long the secret is used before it is read again, in milliseconds. */
const SECRET_LIFE_MS = 300_000

const answer = z.object({
  success: z.boolean(),
  hostname: z.optional(z.string()),
  'error-codes': z.optional(z.array(z.string())),
})

/**
 * Returns a function that asks whether a person solved the challenge of a page. Turnstile, hCaptcha and reCAPTCHA v2
 * share the call; the consumer's IP address is not sent along.
 *
 * @param options.readSecret Reads the secret that the provider gave beside the page's site key.
 * @param options.now Milliseconds since the epoch.
 * @see https://developers.cloudflare.com/turnstile/get-started/server-side-validation/
 * @see https://docs.hcaptcha.com/#verify-the-user-response-server-side
 * @see https://developers.google.com/recaptcha/docs/verify
 */
export const createBotCheck = ({
  botCheck: { verifyUrl, hostnames },
  call,
  readSecret,
  now,
}: {
  readonly botCheck: BotCheckConfig
  readonly call: ThirdParty
  readonly readSecret: () => Promise<string>
  readonly now: () => number
}) => {
  let kept: { readonly secret: string; readonly readAt: number } | undefined

  const secretNow = async (): Promise<string> => {
    if (!kept || now() >= kept.readAt + SECRET_LIFE_MS) kept = { secret: await readSecret(), readAt: now() }
    return kept.secret
  }

  const ask = async (token: string) => {
    const response = await call({
      method: 'POST',
      url: verifyUrl,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ secret: await secretNow(), response: token }).toString(),
    })
    const said = z.safeParse(answer, parseLenientJson(response.body))
    if (!said.success || response.status >= 500)
      throw new ServiceUnavailableError({
        detail: `The bot check answered ${response.status}, not a verdict.`,
      })
    const { success, hostname, 'error-codes': codes = [] } = said.data
    if (codes.includes('internal-error'))
      throw new ServiceUnavailableError({ detail: 'The bot check failed by itself.' })
    return {
      success,
      hostname,
      isSecretWrong: codes.some((code) => /^(missing|invalid)-input-secret$/.test(code)),
    }
  }

  /**
   * @throws {BotCheckFailedError} Nobody solved it, it was used before, is too old, or of another page.
   * @throws {ServiceUnavailableError} The provider gives no verdict: then nobody gets in.
   * @throws {InvalidConfigError} The provider doesn't know the secret.
   */
  return async (token: string): Promise<void> => {
    let verdict = await ask(token)
    if (verdict.isSecretWrong) {
      kept = undefined
      verdict = await ask(token)
      kept = verdict.isSecretWrong ? undefined : kept
    }
    if (verdict.isSecretWrong)
      throw new InvalidConfigError({
        detail: 'The bot check does not know the secret that it is asked with.',
      })
    const isOurs = hostnames === undefined || hostnames.includes(verdict.hostname ?? '')
    if (!verdict.success || !isOurs)
      throw new BotCheckFailedError({
        detail: 'The challenge was not solved, or its answer was used before.',
      })
  }
}
