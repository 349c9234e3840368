import { describe, expect, test, vi } from 'vitest'
import { type AccountConfig, parseStageConfig } from '../../../lib/config/stage.ts'
import { challengeHashOf } from '../../../lib/consumer/bot-check.ts'
import type { VerifiedConsumer } from '../../../lib/consumer/claims.ts'
import { type AcceptedForm, type AcceptFormOptions, acceptForm } from '../../../lib/consumer/policy.ts'
import {
  BotCheckFailedError,
  ConsumerTokenInvalidError,
  InvalidRequestError,
  ServiceUnavailableError,
} from '../../../lib/errors/errors.ts'
import type { AcceptedRequest, ConversationRequest } from '../../../lib/request/conversation-request.ts'
import type { EngagementAttribute } from '../../../lib/request/engagement-attributes.ts'
import { accept } from '../../../lib/request/identity.ts'
import type { Warning } from '../../../lib/request/warnings.ts'

const ANA: VerifiedConsumer = {
  consumerId: 'crm-8841',
  firstName: 'Ana',
  lastName: undefined,
  email: undefined,
  phone: undefined,
  avatarUrl: undefined,
  engagementAttributes: [],
  warnings: [],
}
const REQUEST: ConversationRequest = { route: 'order-help', message: 'My order is late' }
const CHALLENGE = { field: 'h-captcha-response', token: 'solved' }
const ctmrinfo: EngagementAttribute = { type: 'ctmrinfo', info: { ctype: 'vip' } }
const personal: EngagementAttribute = { type: 'personal', personal: { company: 'Nord' } }

const accountOf = (
  consumers: AccountConfig['form']['consumers'],
  form: object = {},
  routes: object = {},
): AccountConfig => {
  const tokens = [
    {
      issuer: 'https://id.example.com/',
      audience: ['campaign-conversations'],
      jwksUrl: 'https://id.example.com/jwks.json',
      algorithms: ['RS256'],
      consumerId: { claim: 'sub', prefix: '' },
    },
  ]
  const whole = { consumers, ...(consumers !== 'anonymous' && { tokens }), ...form }
  const stage = { accounts: [{ accountId: '70123456', form: whole, routes }] }
  const [account] = parseStageConfig(stage, { name: 'the test', loopback: false }).accounts
  if (!account) throw new Error('The stage has one account')
  return account
}

/** Accepts a form, by default an anonymous one at an account that allows both kinds and has no bot check. */
const submitForm = async ({
  consumers = 'both',
  request = {},
  challenge,
  warnings = [],
  ...options
}: Partial<Omit<AcceptFormOptions, 'form'>> & {
  readonly consumers?: AccountConfig['form']['consumers']
  readonly request?: ConversationRequest
  readonly challenge?: typeof CHALLENGE
  readonly warnings?: readonly Warning[]
} = {}): Promise<AcceptedForm> =>
  acceptForm({
    account: accountOf(consumers),
    form: { request: { ...REQUEST, ...request }, challenge, warnings },
    authorization: undefined,
    requestId: 'request-0001',
    verifyConsumer: async () => ANA,
    checkBot: undefined,
    findOriginal: async () => ({ kind: 'none' }),
    onGuess: () => undefined,
    sleep: async () => undefined,
    ...options,
  })

const submit = async (options: Parameters<typeof submitForm>[0] = {}): Promise<AcceptedRequest> =>
  (await submitForm(options)).request

const findingsOf = (work: Promise<unknown>) =>
  work.then(
    () => [],
    (error: unknown) => {
      if (!(error instanceof InvalidRequestError)) throw error
      return error.findings.map(({ path, message }) => `${path} ${message}`)
    },
  )

const settled = { door: 'form', requestId: 'request-0001', accountId: '70123456', warnings: [] } as const

describe('an anonymous form', () => {
  test('has a consumer that is derived from the request', async () => {
    const accepted = await submit()
    expect(accepted).toEqual(accept(REQUEST, { ...settled, consumerId: undefined }))
    expect(accepted.consumerId).toMatch(/^request-[0-9a-f]{64}$/)
  })

  test('may have a name, which nobody vouches for', async () => {
    const request = { consumer: { firstName: 'Ana' } }
    expect(await submit({ request })).toMatchObject({ ...request, vouchedBy: 'nobody' })
  })

  test('may set neither a consumer id nor attributes', async () => {
    const request = { consumer: { id: 'crm-8841' }, engagementAttributes: [personal, ctmrinfo, personal] }
    expect(await findingsOf(submit({ request }))).toEqual([
      'consumer.id is not allowed in an anonymous form',
      'engagementAttributes.1 ctmrinfo is not allowed in an anonymous form',
      'engagementAttributes.0 personal is not allowed in an anonymous form',
      'engagementAttributes.2 personal is not allowed in an anonymous form',
    ])
  })

  test('may set personal attributes, but not ctmrinfo, if the account allows that', async () => {
    const account = accountOf('both', { anonymousAttributes: 'allowed' })
    const request = { engagementAttributes: [personal] }
    expect(await submit({ account, request })).toMatchObject({ ...request, vouchedBy: 'nobody' })
    expect(await findingsOf(submit({ account, request: { engagementAttributes: [ctmrinfo] } }))).toEqual([
      'engagementAttributes.0 ctmrinfo is not allowed in an anonymous form',
    ])
  })

  test('keeps its warnings', async () => {
    const warnings = [{ path: 'message', message: 'had control characters' }]
    expect((await submit({ warnings })).warnings).toEqual(warnings)
  })

  test('is refused if the account needs a token', async () => {
    await expect(submit({ consumers: 'token' })).rejects.toMatchObject({
      code: 'consumer_token_invalid',
      message: 'A consumer token is required.',
    })
  })
})

describe('a form with a token', () => {
  test.each(['token', 'both'] as const)('has the token’s consumer (consumers: %s)', async (consumers) => {
    const verifyConsumer = vi.fn(async () => ANA)
    const accepted = await submit({ consumers, authorization: 'Bearer a.b.c', verifyConsumer })
    expect(verifyConsumer).toHaveBeenCalledWith('Bearer a.b.c')
    expect(accepted).toEqual({
      ...accept(REQUEST, { ...settled, consumerId: 'crm-8841' }),
      consumer: { firstName: 'Ana' },
    })
  })

  test('is never treated as anonymous, not even with an empty header', async () => {
    const verifyConsumer = async () => {
      throw new ConsumerTokenInvalidError({ detail: 'The consumer token has expired.' })
    }
    for (const authorization of ['Bearer a.b.c', ''])
      await expect(submit({ authorization, verifyConsumer })).rejects.toBeInstanceOf(
        ConsumerTokenInvalidError,
      )
  })

  test.each<[string, Partial<Parameters<typeof submit>[0]>]>([
    ['allows anonymous forms only', { consumers: 'anonymous' }],
    ['has no identity provider', { verifyConsumer: undefined }],
  ])('is refused if the account %s', async (_, options) => {
    await expect(submit({ ...options, authorization: 'Bearer a.b.c' })).rejects.toMatchObject({
      code: 'consumer_token_invalid',
      message: 'Consumer tokens are not accepted here. Send the form without one.',
    })
  })

  test('is not checked for bots', async () => {
    const checkBot = vi.fn(async () => 'solved' as const)
    await submit({ authorization: 'Bearer a.b.c', checkBot, challenge: CHALLENGE })
    expect(checkBot).not.toHaveBeenCalled()
  })

  test('may repeat the token’s consumer id', async () => {
    const request = { consumer: { id: 'crm-8841' } }
    expect((await submit({ authorization: 'Bearer a.b.c', request })).consumerId).toBe('crm-8841')
  })

  test.each(['rejected', 'allowed'])(
    'may set neither another consumer id nor attributes (anonymousAttributes: %s)',
    async (anonymousAttributes) => {
      const account = accountOf('both', { anonymousAttributes })
      const request = { consumer: { id: 'crm-1' }, engagementAttributes: [ctmrinfo, personal] }
      expect(await findingsOf(submit({ account, authorization: 'Bearer a.b.c', request }))).toEqual([
        "consumer.id must equal the token's consumer id, or be left out",
        "engagementAttributes.0 ctmrinfo is allowed only in the token's lp_sdes",
        "engagementAttributes.1 personal is allowed only in the token's lp_sdes",
      ])
    },
  )

  test('may set no personal attribute, even if the token has one', async () => {
    const submitted = submit({
      authorization: 'Bearer a.b.c',
      request: { engagementAttributes: [personal] },
      verifyConsumer: async () => ({ ...ANA, engagementAttributes: [personal] }),
    })
    expect(await findingsOf(submitted)).toEqual([
      "engagementAttributes.0 personal is allowed only in the token's lp_sdes",
    ])
  })

  test('may set ctmrinfo if the token has one, which replaces it', async () => {
    const vip: EngagementAttribute = { type: 'ctmrinfo', info: { ctype: 'regular' } }
    const accepted = await submit({
      authorization: 'Bearer a.b.c',
      request: { engagementAttributes: [ctmrinfo] },
      verifyConsumer: async () => ({ ...ANA, engagementAttributes: [vip] }),
    })
    expect(accepted.engagementAttributes).toEqual([vip])
  })

  test('has the attributes of the token, and the form’s word for the rest of the consumer', async () => {
    const accepted = await submit({
      authorization: 'Bearer a.b.c',
      request: { consumer: { firstName: 'Mallory', email: 'ana@example.org' } },
      verifyConsumer: async () => ({ ...ANA, engagementAttributes: [personal] }),
    })
    expect(accepted).toMatchObject({
      vouchedBy: 'token',
      consumer: { firstName: 'Ana', email: 'ana@example.org' },
      engagementAttributes: [personal],
    })
  })

  test('is told what was left out of the form and of the token, up to 20', async () => {
    const warningOf = (path: string): Warning => ({ path, message: 'had control characters' })
    const warnings = Array.from({ length: 19 }, (_, index) => warningOf(`texts.${index}`))
    const { warnings: told } = await submit({
      authorization: 'Bearer a.b.c',
      warnings,
      verifyConsumer: async () => ({
        ...ANA,
        warnings: [warningOf('token.given_name'), warningOf('token.email')],
      }),
    })
    expect(told).toEqual([...warnings, warningOf('token.given_name')])
  })
})

describe('a route for some consumers only', () => {
  const route = { campaignId: '1', engagementId: '2', doors: ['form'] }
  const account = accountOf(
    'both',
    {},
    {
      'order-help': route,
      members: { ...route, consumers: 'token' },
      visitors: { ...route, consumers: 'anonymous' },
    },
  )
  const attempt = (name: string, authorization?: string) =>
    submit({ account, request: { route: name }, authorization }).then(
      ({ vouchedBy }) => vouchedBy,
      (error: unknown) => (error instanceof ConsumerTokenInvalidError ? error.message : error),
    )

  test.each([
    ['order-help', 'nobody', 'token'],
    ['members', 'A consumer token is required.', 'token'],
    ['visitors', 'nobody', 'Consumer tokens are not accepted here. Send the form without one.'],
  ])('%s: %s without a token, %s with one', async (name, without, withOne) => {
    expect(await attempt(name)).toBe(without)
    expect(await attempt(name, 'Bearer a.b.c')).toBe(withOne)
  })
})

describe('a challenge', () => {
  const solved = async () => 'solved' as const
  const spent = async () => 'spent' as const
  const challengeHash = challengeHashOf('solved')

  test('that is solved lets an anonymous form in', async () => {
    const checkBot = vi.fn(solved)
    const findOriginal = vi.fn(async () => ({ kind: 'other' as const }))
    const accepted = await submitForm({ checkBot, challenge: CHALLENGE, findOriginal })
    expect(accepted).toEqual({
      request: { ...accept(REQUEST, { ...settled, consumerId: undefined }), challengeHash },
      isCopy: false,
    })
    expect(checkBot).toHaveBeenCalledWith('solved')
    expect(findOriginal).not.toHaveBeenCalled()
  })

  test('is an unknown key if the account has no bot check', async () => {
    expect(await findingsOf(submit({ challenge: CHALLENGE }))).toEqual([
      'h-captcha-response is an unknown key',
    ])
  })

  test.each([
    ['missing', undefined],
    ['empty', { ...CHALLENGE, token: '' }],
  ])('that is %s fails without asking the provider', async (_, challenge) => {
    const checkBot = vi.fn(solved)
    const findOriginal = vi.fn(async () => ({ kind: 'other' as const }))
    const sleep = vi.fn(async () => undefined)
    await expect(
      submit({ checkBot, findOriginal, sleep, ...(challenge && { challenge }) }),
    ).rejects.toBeInstanceOf(BotCheckFailedError)
    expect(checkBot).not.toHaveBeenCalled()
    expect(findOriginal.mock.calls).toEqual([[accept(REQUEST, { ...settled, consumerId: undefined })]])
    expect(sleep).not.toHaveBeenCalled()
  })

  test.each(['none', 'other'] as const)('that is spent is refused if the original is %s', async (kind) => {
    const findOriginal = vi.fn(async () => ({ kind }))
    const waits: number[] = []
    const sleep = async (ms: number) => {
      waits.push(ms)
    }
    await expect(
      submit({ checkBot: spent, challenge: CHALLENGE, findOriginal, sleep }),
    ).rejects.toBeInstanceOf(BotCheckFailedError)
    const request = { ...accept(REQUEST, { ...settled, consumerId: undefined }), challengeHash }
    expect(findOriginal.mock.calls).toEqual(Array.from({ length: 6 }, () => [request]))
    expect(waits).toEqual([150, 350, 700, 900, 1200])
  })

  test.each([0, 1, 5])('that is spent lets a copy in, found after %i waits', async (waits) => {
    let waited = 0
    const sleep = async () => {
      waited++
    }
    const findOriginal = async () => ({ kind: waited >= waits ? ('same' as const) : ('none' as const) })
    const onGuess = vi.fn()
    const { request, isCopy } = await submitForm({
      checkBot: spent,
      challenge: CHALLENGE,
      findOriginal,
      sleep,
      onGuess,
    })
    expect([isCopy, request.challengeHash, waited]).toEqual([true, challengeHash, waits])
    expect(onGuess).not.toHaveBeenCalled()
  })

  test('that the provider doesn’t know is looked for once', async () => {
    const checkBot = async () => 'refused' as const
    const findOriginal = vi.fn(async () => ({ kind: 'none' as const }))
    await expect(submit({ checkBot, challenge: CHALLENGE, findOriginal })).rejects.toBeInstanceOf(
      BotCheckFailedError,
    )
    expect(findOriginal).toHaveBeenCalledTimes(1)
  })

  test.each([
    ['counts', 'other', 1],
    ['doesn’t count', 'none', 0],
  ] as const)('that is not fresh %s as a guess if the original is %s', async (_, kind, times) => {
    for (const challenge of [CHALLENGE, { ...CHALLENGE, token: '' }]) {
      const onGuess = vi.fn()
      const findOriginal = async () => ({ kind })
      await expect(submit({ checkBot: spent, challenge, findOriginal, onGuess })).rejects.toBeInstanceOf(
        BotCheckFailedError,
      )
      expect(onGuess).toHaveBeenCalledTimes(times)
    }
  })

  test('that can’t be verified refuses the form, even if the request is known', async () => {
    const findOriginal = vi.fn(async () => ({ kind: 'same' as const }))
    const checkBot = async () => {
      throw new ServiceUnavailableError({
        detail: 'The identity provider or the bot-check provider did not answer.',
      })
    }
    await expect(submit({ checkBot, challenge: CHALLENGE, findOriginal })).rejects.toBeInstanceOf(
      ServiceUnavailableError,
    )
    expect(findOriginal).not.toHaveBeenCalled()
  })

  test('is not spent on a form with members that an anonymous sender may not set', async () => {
    const checkBot = vi.fn(solved)
    const request = { consumer: { id: 'crm-8841' } }
    await expect(submit({ checkBot, challenge: CHALLENGE, request })).rejects.toBeInstanceOf(
      InvalidRequestError,
    )
    expect(checkBot).not.toHaveBeenCalled()
  })
})
