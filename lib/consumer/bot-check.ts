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
import { isRecord, parseLenientJson } from '../request/lenient-json.ts'
import type { ThirdParty } from './third-party.ts'

/** How long the secret is used before it is read again, in milliseconds. */
const SECRET_LIFE_MS = 300_000

const verdict = z.object({
  success: z.boolean(),
  hostname: z.optional(z.unknown()),
  'error-codes': z.optional(z.unknown()),
  metadata: z.optional(z.unknown()),
})

/** What the provider answered. */
interface Reply {
  readonly status: number
  readonly success: boolean
  /** Where the challenge was solved. Empty if the provider doesn't say. */
  readonly hostname: string
  /** Whether Turnstile says that the secret is a test secret. */
  readonly isTest: boolean
  readonly codes: readonly string[]
}

/**
 * What the provider says about a challenge: a person solved it, and it is spent now; it was already spent, or
 * is too old; or it is no solved challenge of the account's sites.
 */
export type Verdict = 'solved' | 'spent' | 'refused'

/**
 * Returns the provider's verdict about the challenge that a token stands for.
 *
 * @throws {ServiceUnavailableError} The provider returned no verdict. The form is then refused.
 * @throws {InvalidConfigError} The provider verified nothing, because of a mistake that no consumer can make.
 */
export type CheckBot = (token: string) => Promise<Verdict>

/**
 * Returns a function that asks the provider whether a person solved a challenge. Turnstile, hCaptcha and
 * reCAPTCHA v2 have the same API. The consumer's IP address is not sent.
 *
 * @param options.secretId The secret that the provider issued together with the page's site key.
 * @param options.now Milliseconds since the epoch.
 * @param options.onFailure Called with each error that doesn't reach a caller, because the old secret is
 * still used.
 * @param options.onMisconfigured Called if a check fails because of a mistake that only an operator can fix.
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
  onMisconfigured,
}: {
  readonly botCheck: BotCheckConfig
  readonly call: ThirdParty
  readonly readSecret: ReadSecret
  readonly secretId: string
  readonly now: () => number
  readonly onFailure: (error: unknown) => void
  readonly onMisconfigured: () => void
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

  const ask = async (token: string, { secret }: BotCheckSecret): Promise<Reply> => {
    const { status, body } = await call({
      method: 'POST',
      url: verifyUrl,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ secret, response: token }).toString(),
    })
    const answer = z.safeParse(verdict, parseLenientJson(body))
    if (isTemporary(status) || (!answer.success && !isWrongAddress(status)))
      throw new ServiceUnavailableError({
        detail: `The bot-check provider answered ${status} without a verdict.`,
      })
    const { success = false, hostname, metadata, 'error-codes': given } = answer.data ?? {}
    const codes = toCodes(given)
    if (codes.includes('internal-error'))
      throw new ServiceUnavailableError({ detail: 'The bot-check provider reported an internal error.' })
    return {
      status,
      success,
      hostname: typeof hostname === 'string' ? toHost(hostname) : '',
      isTest: isRecord(metadata) && metadata.result_with_testing_key === true,
      codes,
    }
  }

  /** Asks once more if the secret has changed since it was read, and the provider reports a mistake. */
  const askWithSecret = async (token: string) => {
    const cached = await secrets.get()
    const first = await ask(token, cached)
    if (remedyFor(first, hostnames) === undefined) return first
    const current = await secrets.reload(cached)
    // With the same secret, a provider that has spent the challenge by now would blame the consumer.
    const last = current.secret === cached.secret ? first : await ask(token, current)
    const remedy = remedyFor(last, hostnames)
    if (remedy === undefined) return last
    secrets.drop(current)
    throw new InvalidConfigError({ detail: remedy })
  }

  return async (token) => {
    const { success, hostname, codes } = await askWithSecret(token).catch((error: unknown) => {
      if (error instanceof InvalidConfigError) onMisconfigured()
      throw error
    })
    if (success) return hostnames.includes(hostname) ? 'solved' : 'refused'
    return codes.length === 0 || codes.some(isSpentCode) ? 'spent' : 'refused'
  }
}

/**
 * Returns the SHA-256 of a challenge's token, in hex. It needs no key: a token has too many random bits to be
 * guessed, and is worth nothing once it is spent.
 */
export const challengeHashOf = (token: string): string => sha256(token)

/** Turnstile's and reCAPTCHA's code, and hCaptcha's. */
const isSpentCode = (code: string) => code === 'timeout-or-duplicate' || code.includes('already-seen')

/** Server errors, limits, and redirects that are not permanent. */
const isTemporary = (status: number) => status >= 500 || [302, 303, 307, 408, 425, 429].includes(status)

/** No consumer changes what the provider says about the request itself. */
const isWrongAddress = (status: number) => status >= 300

/** Returns the name of a host as `hostnames` lists it. */
const toHost = (hostname: string) => hostname.toLowerCase().replace(/:\d+$/, '').replace(/\.$/, '')

/** Providers document a list of texts. Anything else but nothing is a code that isn't known. */
const toCodes = (given: unknown): readonly string[] => {
  if (given === undefined || given === null) return []
  if (typeof given === 'string') return toCodes(given.split(/[,;\s]+/).filter((code) => code !== ''))
  return (Array.isArray(given) ? given : [given]).map((code) =>
    typeof code === 'string' ? code.toLowerCase() : UNKNOWN_CODE,
  )
}

const UNKNOWN_CODE = 'unknown'

/**
 * Returns what the operator has to do, or `undefined` if a consumer may have caused the answer. It quotes
 * nothing, because the provider chose those texts.
 */
const remedyFor = (reply: Reply, hostnames: readonly string[]): string | undefined => {
  const { status, success, hostname, isTest, codes } = reply
  if (isWrongAddress(status) && (success || codes.length === 0))
    return `The bot-check provider answered ${status} without a verdict. ${CHECK_ADDRESS}`
  if (!success) return isOperators(codes) ? remedyOf(codes) : undefined
  if (hostnames.includes(hostname)) return undefined
  if (isTest || TEST_HOSTS.includes(hostname))
    return `${VERIFIED_NOTHING} the secret is a test secret. Store the one of the site. For tests, list the test host in hostnames.`
  if (hostname === '')
    return 'The bot-check provider does not say on which host the challenge was solved. Use the site key and the secret of a website, not of an app.'
  if (hostname === 'not-provided')
    return 'The bot-check provider does not know on which host the challenge was solved. To accept such challenges, add not-provided to hostnames.'
  return undefined
}

const CHECK_ADDRESS = 'Check that verifyUrl is the address of its API.'

const VERIFIED_NOTHING = 'The bot-check provider verified nothing and reports a mistake in the configuration:'

/**
 * The hosts of the test keys of Turnstile, reCAPTCHA and hCaptcha.
 *
 * @see https://developers.cloudflare.com/turnstile/troubleshooting/testing/
 * @see https://developers.google.com/recaptcha/docs/faq
 * @see https://docs.hcaptcha.com/#integration-testing-test-keys
 */
const TEST_HOSTS: readonly string[] = ['example.com', 'testkey.google.com', 'dummy-key-pass']

/**
 * Returns whether only an operator can have caused a failure with these codes. A consumer controls only the
 * token, so this is true for every code that isn't about the token, including those that a provider adds
 * later. `bad-request` together with a code about the token is the consumer's mistake.
 */
const isOperators = (codes: readonly string[]) => {
  const others = codes.filter((code) => !isTokenCode(code))
  return others.length > 0 && (others.length === codes.length || others.some((code) => code !== BAD_REQUEST))
}

/** reCAPTCHA's `browser-error`, which isn't documented, means that the consumer's browser failed. */
const isTokenCode = (code: string) =>
  (/response|timeout|duplicate|expired/.test(code) && !/secret|key|account/.test(code)) ||
  code === 'browser-error'

const BAD_REQUEST = 'bad-request'

const remedyOf = (codes: readonly string[]): string => {
  const [remedy = 'with a code that it does not document. Check verifyUrl, the secret and the site key.'] =
    REMEDIES.filter(([pattern]) => codes.some((code) => pattern.test(code))).map(([, text]) => text)
  return `${VERIFIED_NOTHING} ${remedy}`
}

const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [/^(missing|invalid)-input-secret$/, 'it does not accept the secret. Store the secret of this provider.'],
  [/^sitekey-secret-mismatch$/, "the secret and the page's site key are of different sites or accounts."],
  [/^not-using-dummy/, 'the page has a test site key, and the secret is not its test secret.'],
  [/remoteip$/, "the account requires the consumer's IP address, which this service does not send."],
  [/^bad-request$/, `it does not understand the request. ${CHECK_ADDRESS}`],
]
