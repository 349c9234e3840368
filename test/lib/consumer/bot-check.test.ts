import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { ReadSecret } from '../../../lib/account/secrets.ts'
import { challengeHashOf, createBotCheck } from '../../../lib/consumer/bot-check.ts'
import { createThirdParty } from '../../../lib/consumer/third-party.ts'
import { AppError, InvalidConfigError, ServiceUnavailableError } from '../../../lib/errors/errors.ts'
import { createOutbound } from '../../../lib/net/outbound.ts'
import { type HttpServer, startHttpServer } from '../../support/http-server.ts'

const MINUTE = 60_000

let provider: HttpServer

beforeAll(async () => {
  provider = await startHttpServer()
})
afterAll(() => provider.close())
beforeEach(() => provider.reset())

/** Answers every request with this JSON. */
const answer = (body: unknown, status = 200) =>
  provider.answerBy((response) =>
    response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body)),
  )

/** Accepts every challenge, with one secret only. */
const accept = (secret: string, code = 'invalid-input-secret') =>
  provider.answerBy((response, { body }) => {
    const isKnown = new URLSearchParams(body).get('secret') === secret
    response.end(
      JSON.stringify(
        isKnown ? { success: true, hostname: 'www.example.com' } : { success: false, 'error-codes': [code] },
      ),
    )
  })

const arrange = ({
  hostnames = ['www.example.com'],
  timeoutMs = 10_000,
}: {
  readonly hostnames?: string[]
  readonly timeoutMs?: number
} = {}) => {
  let time = 1_800_000_000_000
  let secret = 'secret-1'
  const readSecret = vi.fn<ReadSecret>(async () => JSON.stringify({ secret }))
  const onFailure = vi.fn()
  const onMisconfigured = vi.fn()
  const checkBot = createBotCheck({
    botCheck: { verifyUrl: `${provider.url}/siteverify`, hostnames },
    call: createThirdParty({ outbound: createOutbound(), loopback: true, timeoutMs }),
    readSecret,
    secretId: 'prefix/70123456/bot-check',
    now: () => time,
    onFailure,
    onMisconfigured,
  })
  return {
    checkBot,
    readSecret,
    onFailure,
    onMisconfigured,
    rotate: (next: string) => {
      secret = next
    },
    advance: (ms: number) => {
      time += ms
    },
  }
}
const sentSecrets = () => provider.requests.map(({ body }) => new URLSearchParams(body).get('secret'))

describe('a challenge', () => {
  test('that was solved passes', async () => {
    answer({ success: true, hostname: 'www.example.com' })
    expect(await arrange().checkBot('solved')).toBe('solved')
    expect(provider.requests).toMatchObject([
      {
        method: 'POST',
        path: '/siteverify',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: 'secret=secret-1&response=solved',
      },
    ])
  })

  test.each([
    ['without a code', { success: false }],
    ['with an empty list of codes', { success: false, 'error-codes': [] }],
    ['with null for codes', { success: false, 'error-codes': null, hostname: null }],
  ])('that failed %s is spent', async (_, body) => {
    answer(body)
    expect(await arrange().checkBot('token')).toBe('spent')
    expect(provider.requests).toHaveLength(1)
  })

  test('that was solved passes whatever codes come with it', async () => {
    answer({ success: true, hostname: 'www.example.com', 'error-codes': ['bad-request'] })
    expect(await arrange().checkBot('solved')).toBe('solved')
  })

  test('passes on a listed host only', async () => {
    const { checkBot } = arrange({ hostnames: ['www.example.com', 'shop.example.com'] })
    answer({ success: true, hostname: 'shop.example.com' })
    expect(await checkBot('solved')).toBe('solved')
    for (const hostname of ['WWW.Example.com', 'www.example.com:443', 'www.example.com.']) {
      answer({ success: true, hostname })
      expect(await checkBot('solved')).toBe('solved')
    }
    for (const hostname of ['evil.example', 'com', 'www.example.com.evil.example']) {
      answer({ success: true, hostname })
      expect(await checkBot('solved')).toBe('refused')
    }
  })
})

describe('a challenge that was solved on a host that is not listed because of the settings', () => {
  const testing = { metadata: { result_with_testing_key: true } }
  test.each<[string, object, RegExp]>([
    ['Turnstile’s test key', { hostname: 'example.com' }, /test secret/],
    ['Turnstile’s test key, as it says', { hostname: 'www.test.example', ...testing }, /test secret/],
    ['reCAPTCHA’s test key', { hostname: 'testkey.google.com' }, /test secret/],
    ['hCaptcha’s test key', { hostname: 'dummy-key-pass' }, /test secret/],
    ['a host that hCaptcha doesn’t give', { hostname: 'not-provided' }, /not-provided to hostnames/],
    ['no host', {}, /not say on which host/],
    ['null for a host', { hostname: null }, /not say on which host/],
    ['an empty host', { hostname: '' }, /not say on which host/],
    ['a host that is no text', { hostname: 4 }, /not say on which host/],
    ['an app of Android', { apk_package_name: 'com.example.shop' }, /not say on which host/],
  ])('is a mistake in them, with the remedy: %s', async (_, members, remedy) => {
    answer({ success: true, ...members })
    const { checkBot, onMisconfigured } = arrange()
    const error: unknown = await checkBot('token').catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(InvalidConfigError)
    expect(String(error)).toMatch(remedy)
    expect(onMisconfigured).toHaveBeenCalledTimes(1)
  })

  test.each(['example.com', 'testkey.google.com', 'dummy-key-pass', 'not-provided'])(
    'passes if the host is listed: %s',
    async (hostname) => {
      answer({ success: true, hostname, ...testing })
      expect(await arrange({ hostnames: ['www.example.com', hostname] }).checkBot('token')).toBe('solved')
    },
  )

  test('is verified once more if the secret has changed', async () => {
    provider.answerBy((response, { body }) => {
      const isTest = new URLSearchParams(body).get('secret') === 'secret-1'
      response.end(JSON.stringify({ success: true, hostname: isTest ? 'example.com' : 'www.example.com' }))
    })
    const { checkBot, rotate } = arrange()
    expect(await verdictOf(checkBot('token'))).toBe('invalid_config')
    rotate('secret-2')
    expect(await checkBot('token')).toBe('solved')
  })
})

describe('a wrong verifyUrl is a mistake in the settings', () => {
  const failed = { success: false }
  test.each<[number, unknown]>([
    ...[400, 401, 403, 404, 405, 406, 410, 411, 413, 415, 422, 451].flatMap((status): [number, unknown][] => [
      [status, '<html>'],
      [status, ''],
      [status, { message: 'Unauthorized' }],
      [status, failed],
      [status, { success: true, hostname: 'www.example.com' }],
      [status, { success: true, hostname: 'www.example.com', 'error-codes': ['timeout-or-duplicate'] }],
    ]),
    [301, ''],
    [308, '<html>'],
  ])('%i with %j', async (status, body) => {
    answer(body, status)
    const { checkBot, onMisconfigured } = arrange()
    const error: unknown = await checkBot('token').catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(InvalidConfigError)
    expect(String(error)).toContain('verifyUrl is the address')
    expect(onMisconfigured).toHaveBeenCalledTimes(1)
  })

  test.each([
    ['invalid-input-response', 'refused'],
    ['timeout-or-duplicate', 'spent'],
    ['invalid-input-secret', 'invalid_config'],
  ])('unless the answer has a code: 400 with %s is %s', async (code, verdict) => {
    answer({ success: false, 'error-codes': [code] }, 400)
    expect(await verdictOf(arrange().checkBot('token'))).toBe(verdict)
  })
})

describe('codes that are no list of texts', () => {
  test.each<[unknown, string]>([
    ['invalid-input-secret', 'invalid_config'],
    ['sitekey-secret-mismatch', 'invalid_config'],
    ['bad-request, invalid-input-secret', 'invalid_config'],
    ['a code of tomorrow', 'invalid_config'],
    [4, 'invalid_config'],
    [[4], 'invalid_config'],
    [{ code: 'invalid-input-secret' }, 'invalid_config'],
    [[{ code: 'invalid-input-secret' }], 'invalid_config'],
    ['timeout-or-duplicate', 'spent'],
    ['invalid-input-response', 'refused'],
    ['bad-request,invalid-input-response', 'refused'],
    ['internal-error', 'service_unavailable'],
    ['', 'spent'],
  ])('%j is %s', async (codes, verdict) => {
    answer({ success: false, 'error-codes': codes })
    expect(await verdictOf(arrange().checkBot('token'))).toBe(verdict)
  })
})

/** All codes of the providers' documentation, and those that they have used without documenting them. */
const CODES: readonly (readonly [
  string,
  string,
  'spent' | 'refused' | 'invalid_config' | 'service_unavailable',
])[] = [
  // https://developers.cloudflare.com/turnstile/get-started/server-side-validation/#error-codes
  ['Turnstile', 'missing-input-secret', 'invalid_config'],
  ['Turnstile', 'invalid-input-secret', 'invalid_config'],
  ['Turnstile', 'missing-input-response', 'refused'],
  ['Turnstile', 'invalid-input-response', 'refused'],
  ['Turnstile', 'bad-request', 'invalid_config'],
  ['Turnstile', 'timeout-or-duplicate', 'spent'],
  ['Turnstile', 'internal-error', 'service_unavailable'],
  ['Turnstile, formerly', 'invalid-parsed-secret', 'invalid_config'],
  ['Turnstile, formerly', 'invalid-widget-id', 'invalid_config'],
  // https://docs.hcaptcha.com/#siteverify-error-codes-table
  ['hCaptcha', 'missing-input-secret', 'invalid_config'],
  ['hCaptcha', 'invalid-input-secret', 'invalid_config'],
  ['hCaptcha', 'missing-input-response', 'refused'],
  ['hCaptcha', 'invalid-input-response', 'refused'],
  ['hCaptcha', 'expired-input-response', 'refused'],
  ['hCaptcha', 'already-seen-response', 'spent'],
  ['hCaptcha', 'bad-request', 'invalid_config'],
  ['hCaptcha', 'missing-remoteip', 'invalid_config'],
  ['hCaptcha', 'invalid-remoteip', 'invalid_config'],
  ['hCaptcha', 'not-using-dummy-passcode', 'invalid_config'],
  ['hCaptcha', 'sitekey-secret-mismatch', 'invalid_config'],
  ['hCaptcha, formerly', 'invalid-or-already-seen-response', 'spent'],
  ['hCaptcha, formerly', 'not-using-dummy-secret', 'invalid_config'],
  ['hCaptcha, formerly', 'invalid-sitekey', 'invalid_config'],
  // https://developers.google.com/recaptcha/docs/verify#error_code_reference
  ['reCAPTCHA', 'missing-input-secret', 'invalid_config'],
  ['reCAPTCHA', 'invalid-input-secret', 'invalid_config'],
  ['reCAPTCHA', 'missing-input-response', 'refused'],
  ['reCAPTCHA', 'invalid-input-response', 'refused'],
  ['reCAPTCHA', 'bad-request', 'invalid_config'],
  ['reCAPTCHA', 'timeout-or-duplicate', 'spent'],
  ['reCAPTCHA, undocumented', 'invalid-keys', 'invalid_config'],
  ['reCAPTCHA, undocumented', 'browser-error', 'refused'],
  ['a provider, one day', 'account-suspended', 'invalid_config'],
  ['a provider, one day', 'expired-secret', 'invalid_config'],
  ['a provider, one day', 'duplicate-secret', 'invalid_config'],
  ['a provider, one day', 'response-secret-mismatch', 'invalid_config'],
  ['a provider, one day', 'sitekey-expired', 'invalid_config'],
  ['a provider, one day', 'api-key-expired', 'invalid_config'],
  ['a provider, one day', 'account-expired', 'invalid_config'],
  ['a provider in capitals', 'TIMEOUT-OR-DUPLICATE', 'spent'],
  ['a provider in capitals', 'Invalid-Input-Response', 'refused'],
  ['a provider in capitals', 'INTERNAL-ERROR', 'service_unavailable'],
]

const verdictOf = (work: Promise<string>): Promise<unknown> =>
  work.catch((error: unknown) => (error instanceof AppError ? error.code : error))

describe('the code', () => {
  test.each(CODES)('of %s %s is %s', async (_, code, verdict) => {
    answer({ success: false, 'error-codes': [code] })
    expect(await verdictOf(arrange().checkBot('token'))).toBe(verdict)
    expect(provider.requests).toHaveLength(1)
  })

  test.each<[readonly string[], string]>([
    [['invalid-input-response', 'invalid-input-secret'], 'invalid_config'],
    [['timeout-or-duplicate', 'sitekey-secret-mismatch'], 'invalid_config'],
    [['bad-request', 'invalid-input-secret'], 'invalid_config'],
    // The token made the request malformed.
    [['bad-request', 'invalid-input-response'], 'refused'],
    [['missing-input-response', 'bad-request'], 'refused'],
    [['bad-request', 'internal-error'], 'service_unavailable'],
  ])('together with others: %j is %s', async (codes, verdict) => {
    answer({ success: false, 'error-codes': codes })
    expect(await verdictOf(arrange().checkBot('token'))).toBe(verdict)
  })

  test.each([
    ['invalid-input-secret', 'Store the secret of this provider'],
    ['sitekey-secret-mismatch', "the page's site key"],
    ['not-using-dummy-passcode', 'a test site key'],
    ['missing-remoteip', "the consumer's IP address"],
    ['bad-request', 'verifyUrl is the address'],
    ['secret-words', 'Check verifyUrl, the secret and the site key'],
  ])('%s says in the log what to do, and is not quoted', async (code, remedy) => {
    answer({ success: false, 'error-codes': [code] })
    const { checkBot, onMisconfigured } = arrange()
    const error: unknown = await checkBot('token').catch((thrown: unknown) => thrown)
    expect(String(error)).toContain(remedy)
    expect(String(error)).not.toContain(code)
    expect(onMisconfigured).toHaveBeenCalledTimes(1)
  })
})

describe('a provider without a verdict makes the service unavailable:', () => {
  test.each<[string, unknown, number]>([
    ['HTML', '<html>', 200],
    ['nothing', '', 200],
    ['an array', '[]', 200],
    ['no success', {}, 200],
    ['a success that is text', { success: 'true' }, 200],
    ['a success of status 500', { success: true }, 500],
    ...[302, 303, 307, 408, 425, 429].map((status): [string, unknown, number] => [`${status}`, '', status]),
    ['a limit, with a verdict', { success: false }, 429],
    ['an internal error', { success: false, 'error-codes': ['internal-error'] }, 200],
  ])('%s', async (_, body, status) => {
    answer(body, status)
    await expect(arrange().checkBot('solved')).rejects.toBeInstanceOf(ServiceUnavailableError)
  })

  test('silence', async () => {
    provider.answerBy(() => undefined)
    await expect(arrange({ timeoutMs: 200 }).checkBot('solved')).rejects.toBeInstanceOf(
      ServiceUnavailableError,
    )
  })
})

describe('the secret', () => {
  test('is read once for concurrent calls', async () => {
    answer({ success: true, hostname: 'www.example.com' })
    const { checkBot, readSecret } = arrange()
    await Promise.all(Array.from({ length: 20 }, () => checkBot('solved')))
    expect(readSecret.mock.calls).toEqual([['prefix/70123456/bot-check', 'AWSCURRENT']])
  })

  test('is read again after five minutes, without delaying a call', async () => {
    answer({ success: true, hostname: 'www.example.com' })
    const { checkBot, readSecret, rotate, advance } = arrange()
    await checkBot('solved')
    rotate('secret-2')
    advance(5 * MINUTE - 1)
    await checkBot('solved')
    expect(readSecret).toHaveBeenCalledTimes(1)
    advance(1)
    await checkBot('solved')
    await checkBot('solved')
    expect(sentSecrets()).toEqual(['secret-1', 'secret-1', 'secret-1', 'secret-2'])
    expect(readSecret).toHaveBeenCalledTimes(2)
  })

  test('is kept while Secrets Manager fails, and each failure is reported', async () => {
    answer({ success: true, hostname: 'www.example.com' })
    const { checkBot, readSecret, onFailure, advance } = arrange()
    await checkBot('solved')
    const failure = new ServiceUnavailableError({ detail: 'The call to Secrets Manager failed.' })
    readSecret.mockRejectedValue(failure)
    advance(60 * MINUTE)
    await checkBot('solved')
    expect(onFailure.mock.calls).toEqual([[failure]])
  })

  test('that was rotated is read again, and the challenge verified once more', async () => {
    accept('secret-1')
    const { checkBot, readSecret, rotate } = arrange()
    await checkBot('solved')
    accept('secret-2')
    rotate('secret-2')
    await Promise.all([checkBot('solved'), checkBot('solved'), checkBot('solved')])
    expect(readSecret).toHaveBeenCalledTimes(2)
    await checkBot('solved')
    expect(sentSecrets().at(-1)).toBe('secret-2')
  })

  test.each(['invalid-input-secret', 'sitekey-secret-mismatch', 'bad-request'])(
    'is read again after %s, and the challenge verified once more only if it has changed',
    async (code) => {
      const { checkBot, readSecret, rotate, onMisconfigured } = arrange()
      accept('secret-2', code)
      expect(await verdictOf(checkBot('solved'))).toBe('invalid_config')
      expect(sentSecrets()).toEqual(['secret-1'])
      expect(readSecret).toHaveBeenCalledTimes(2)
      rotate('secret-2')
      expect(await checkBot('solved')).toBe('solved')
      expect(sentSecrets()).toEqual(['secret-1', 'secret-2'])
      expect(onMisconfigured).toHaveBeenCalledTimes(1)
    },
  )

  test('that has changed and is still refused is a mistake in the configuration', async () => {
    accept('secret-1')
    const { checkBot, rotate } = arrange()
    await checkBot('solved')
    accept('secret-3')
    rotate('secret-2')
    expect(await verdictOf(checkBot('solved'))).toBe('invalid_config')
    expect(sentSecrets()).toEqual(['secret-1', 'secret-1', 'secret-2'])
  })

  test.each<[string, string | undefined]>([
    ['missing', undefined],
    ['not JSON', 'secret-words'],
  ])('that is %s is a mistake in the configuration', async (_, text) => {
    const { checkBot, readSecret, onMisconfigured } = arrange()
    readSecret.mockResolvedValue(text)
    await expect(checkBot('solved')).rejects.toBeInstanceOf(InvalidConfigError)
    expect(provider.requests).toEqual([])
    expect(onMisconfigured).toHaveBeenCalledTimes(1)
  })
})

test.each([
  ['a solved challenge', { success: true, hostname: 'www.example.com' }],
  ['a guessed challenge', { success: false, 'error-codes': ['invalid-input-response'] }],
  ['a spent challenge', { success: false, 'error-codes': ['timeout-or-duplicate'] }],
  ['a provider in trouble', { success: false, 'error-codes': ['internal-error'] }],
  ['no verdict', {}],
])('%s is no mistake of the operator', async (_, body) => {
  answer(body)
  const { checkBot, onMisconfigured } = arrange()
  await checkBot('token').catch(() => undefined)
  expect(onMisconfigured).not.toHaveBeenCalled()
})

test('only a hash of a challenge is kept', () => {
  // The first test vector of FIPS 180-4.
  expect(challengeHashOf('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})
