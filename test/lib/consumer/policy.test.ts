import { describe, expect, test, vi } from 'vitest'
import { type AccountConfig, parseStageConfig } from '../../../lib/config/stage.ts'
import type { VerifiedConsumer } from '../../../lib/consumer/claims.ts'
import { type AcceptFormOptions, acceptForm } from '../../../lib/consumer/policy.ts'
import {
  BotCheckFailedError,
  ConsumerTokenInvalidError,
  InvalidRequestError,
  ServiceUnavailableError,
} from '../../../lib/errors/errors.ts'
import type { AcceptedRequest, ConversationRequest } from '../../../lib/request/conversation-request.ts'
import type { EngagementAttribute } from '../../../lib/request/engagement-attributes.ts'
import { accept } from '../../../lib/request/identity.ts'

const ANA: VerifiedConsumer = {
  consumerId: 'crm-8841',
  firstName: 'Ana',
  lastName: undefined,
  email: undefined,
  phone: undefined,
  picture: undefined,
  engagementAttributes: [],
}
const REQUEST: ConversationRequest = { route: 'order-help', message: 'My order is late' }
const CHALLENGE = { field: 'h-captcha-response', token: 'solved' }
const ctmrinfo: EngagementAttribute = { type: 'ctmrinfo', info: { ctype: 'vip' } }
const personal: EngagementAttribute = { type: 'personal', personal: { company: 'Nord' } }

const accountOf = (consumers: AccountConfig['form']['consumers']): AccountConfig => {
  const tokens = [
    {
      issuer: 'https://id.example.com/',
      audience: ['campaign-conversations'],
      jwksUrl: 'https://id.example.com/jwks.json',
      algorithms: ['RS256'],
      consumerId: { claim: 'sub', prefix: '' },
    },
  ]
  const form = { consumers, ...(consumers !== 'anonymous' && { tokens }) }
  const stage = { accounts: [{ accountId: '70123456', form }] }
  const [account] = parseStageConfig(stage, { name: 'the test', loopback: false }).accounts
  if (!account) throw new Error('The stage has one account')
  return account
}

/** Accepts a form, by default an anonymous one at an account that allows both kinds and has no bot check. */
const submit = async ({
  consumers = 'both',
  request = {},
  challenge,
  ...options
}: Partial<Omit<AcceptFormOptions, 'account' | 'form'>> & {
  readonly consumers?: AccountConfig['form']['consumers']
  readonly request?: ConversationRequest
  readonly challenge?: typeof CHALLENGE
} = {}): Promise<AcceptedRequest> =>
  acceptForm({
    account: accountOf(consumers),
    form: { request: { ...REQUEST, ...request }, challenge },
    authorization: undefined,
    requestId: 'request-0001',
    verifyConsumer: async () => ANA,
    checkBot: undefined,
    isKnown: async () => false,
    ...options,
  })

const findingsOf = (work: Promise<unknown>) =>
  work.then(
    () => [],
    (error: unknown) => {
      if (!(error instanceof InvalidRequestError)) throw error
      return error.findings.map(({ path, message }) => `${path} ${message}`)
    },
  )

const settled = { door: 'form', requestId: 'request-0001', accountId: '70123456' } as const

describe('an anonymous form', () => {
  test('has a consumer that is derived from the request', async () => {
    const accepted = await submit()
    expect(accepted).toEqual(accept(REQUEST, { ...settled, consumerId: undefined }))
    expect(accepted.consumerId).toMatch(/^request-[0-9a-f]{64}$/)
  })

  test('may have personal attributes and a name', async () => {
    const request = { consumer: { firstName: 'Ana' }, engagementAttributes: [personal] }
    expect(await submit({ request })).toMatchObject(request)
  })

  test('may set neither a consumer id nor ctmrinfo', async () => {
    const request = { consumer: { id: 'crm-8841' }, engagementAttributes: [personal, ctmrinfo] }
    expect(await findingsOf(submit({ request }))).toEqual([
      'consumer.id is not allowed in an anonymous form',
      'engagementAttributes.1 ctmrinfo is not allowed in an anonymous form',
    ])
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
      message: 'This account does not accept consumer tokens. Send the form without one.',
    })
  })

  test('is not checked for bots', async () => {
    const checkBot = vi.fn(async () => true)
    await submit({ authorization: 'Bearer a.b.c', checkBot, challenge: CHALLENGE })
    expect(checkBot).not.toHaveBeenCalled()
  })

  test('may repeat the token’s consumer id', async () => {
    const request = { consumer: { id: 'crm-8841' } }
    expect((await submit({ authorization: 'Bearer a.b.c', request })).consumerId).toBe('crm-8841')
  })

  test('may set neither another consumer id nor ctmrinfo', async () => {
    const request = { consumer: { id: 'crm-1' }, engagementAttributes: [ctmrinfo] }
    expect(await findingsOf(submit({ authorization: 'Bearer a.b.c', request }))).toEqual([
      "consumer.id must equal the token's sub, or be left out",
      "engagementAttributes.0 ctmrinfo is allowed only in the token's lp_sdes",
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

  test('may have ten attributes, including the token’s', async () => {
    const verifyConsumer = async () => ({ ...ANA, engagementAttributes: [ctmrinfo] })
    const withCount = (count: number) =>
      submit({
        authorization: 'Bearer a.b.c',
        request: { engagementAttributes: Array(count).fill(personal) },
        verifyConsumer,
      })
    expect((await withCount(9)).engagementAttributes).toHaveLength(10)
    expect(await findingsOf(withCount(10))).toEqual([
      "engagementAttributes must have at most 10 items, including the token's lp_sdes",
    ])
  })
})

describe('a challenge', () => {
  const failed = async () => false

  test('that is solved lets an anonymous form in', async () => {
    const checkBot = vi.fn(async () => true)
    await submit({ checkBot, challenge: CHALLENGE })
    expect(checkBot).toHaveBeenCalledWith('solved')
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
    const checkBot = vi.fn(async () => true)
    await expect(submit({ checkBot, ...(challenge && { challenge }) })).rejects.toBeInstanceOf(
      BotCheckFailedError,
    )
    expect(checkBot).not.toHaveBeenCalled()
  })

  test('that failed is refused if the request is new', async () => {
    const isKnown = vi.fn(async () => false)
    await expect(submit({ checkBot: failed, challenge: CHALLENGE, isKnown })).rejects.toBeInstanceOf(
      BotCheckFailedError,
    )
    expect(isKnown).toHaveBeenCalledWith(accept(REQUEST, { ...settled, consumerId: undefined }))
  })

  test.each([
    ['spent', CHALLENGE],
    ['missing', undefined],
  ])('may be %s if the request is known', async (_, challenge) => {
    const accepted = await submit({
      checkBot: failed,
      isKnown: async () => true,
      ...(challenge && { challenge }),
    })
    expect(accepted.requestId).toBe('request-0001')
  })

  test('that can’t be verified refuses the form, even if the request is known', async () => {
    const isKnown = vi.fn(async () => true)
    const checkBot = async () => {
      throw new ServiceUnavailableError({
        detail: 'The identity provider or the bot-check provider did not answer.',
      })
    }
    await expect(submit({ checkBot, challenge: CHALLENGE, isKnown })).rejects.toBeInstanceOf(
      ServiceUnavailableError,
    )
    expect(isKnown).not.toHaveBeenCalled()
  })

  test('is not spent on a form with members that an anonymous sender may not set', async () => {
    const checkBot = vi.fn(async () => true)
    const request = { consumer: { id: 'crm-8841' } }
    await expect(submit({ checkBot, challenge: CHALLENGE, request })).rejects.toBeInstanceOf(
      InvalidRequestError,
    )
    expect(checkBot).not.toHaveBeenCalled()
  })
})
