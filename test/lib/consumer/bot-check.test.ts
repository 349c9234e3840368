import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { ReadSecret } from '../../../lib/account/secrets.ts'
import { challengeHashOf, createBotCheck } from '../../../lib/consumer/bot-check.ts'
import { createThirdParty } from '../../../lib/consumer/third-party.ts'
import { InvalidConfigError, ServiceUnavailableError } from '../../../lib/errors/errors.ts'
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
const accept = (secret: string) =>
  provider.answerBy((response, { body }) => {
    const isKnown = new URLSearchParams(body).get('secret') === secret
    response.end(
      JSON.stringify(
        isKnown
          ? { success: true, hostname: 'www.example.com' }
          : { success: false, 'error-codes': ['invalid-input-secret'] },
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
  const checkBot = createBotCheck({
    botCheck: { verifyUrl: `${provider.url}/siteverify`, hostnames },
    call: createThirdParty({ outbound: createOutbound(), loopback: true, timeoutMs }),
    readSecret,
    secretId: 'prefix/70123456/bot-check',
    now: () => time,
    onFailure,
  })
  return {
    checkBot,
    readSecret,
    onFailure,
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
    ['refused', 'was not solved', { success: false, 'error-codes': ['invalid-input-response'] }],
    ['refused', 'is another site’s', { success: false, 'error-codes': ['sitekey-secret-mismatch'] }],
    ['spent', 'Turnstile has seen', { success: false, 'error-codes': ['timeout-or-duplicate'] }],
    ['spent', 'hCaptcha has seen', { success: false, 'error-codes': ['already-seen-response'] }],
    [
      'spent',
      'hCaptcha may have seen',
      { success: false, 'error-codes': ['invalid-or-already-seen-response'] },
    ],
    ['spent', 'failed without a code', { success: false }],
  ])('is %s if it %s', async (verdict, _, body) => {
    answer(body)
    expect(await arrange().checkBot('token')).toBe(verdict)
    expect(provider.requests).toHaveLength(1)
  })

  test('passes on a listed host only', async () => {
    const { checkBot } = arrange({ hostnames: ['www.example.com', 'shop.example.com'] })
    answer({ success: true, hostname: 'shop.example.com' })
    expect(await checkBot('solved')).toBe('solved')
    for (const hostname of ['evil.example', 'example.com', '', undefined]) {
      answer({ success: true, hostname })
      expect(await checkBot('solved')).toBe('refused')
    }
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
    ['a redirect', '', 302],
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
    answer({ success: true })
    const { checkBot, readSecret } = arrange()
    await Promise.all(Array.from({ length: 20 }, () => checkBot('solved')))
    expect(readSecret.mock.calls).toEqual([['prefix/70123456/bot-check', 'AWSCURRENT']])
  })

  test('is read again after five minutes, without delaying a call', async () => {
    answer({ success: true })
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
    answer({ success: true })
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

  test('that the provider refuses twice is a mistake in the configuration, until it is fixed', async () => {
    accept('secret-2')
    const { checkBot, rotate } = arrange()
    await expect(checkBot('solved')).rejects.toBeInstanceOf(InvalidConfigError)
    expect(sentSecrets()).toEqual(['secret-1', 'secret-1'])
    rotate('secret-2')
    await checkBot('solved')
    expect(sentSecrets()).toEqual(['secret-1', 'secret-1', 'secret-2'])
  })

  test.each([['missing-input-secret'], ['invalid-input-secret']])('is refused by %s', async (code) => {
    answer({ success: false, 'error-codes': [code] })
    await expect(arrange().checkBot('solved')).rejects.toBeInstanceOf(InvalidConfigError)
  })

  test.each<[string, string | undefined]>([
    ['missing', undefined],
    ['not JSON', 'secret-words'],
  ])('that is %s is a mistake in the configuration', async (_, text) => {
    const { checkBot, readSecret } = arrange()
    readSecret.mockResolvedValue(text)
    await expect(checkBot('solved')).rejects.toBeInstanceOf(InvalidConfigError)
    expect(provider.requests).toEqual([])
  })
})

test('only a hash of a challenge is kept', () => {
  // The first test vector of FIPS 180-4.
  expect(challengeHashOf('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})
