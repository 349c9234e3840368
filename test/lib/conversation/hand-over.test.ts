import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Facts, NOTHING } from '../../../lib/conversation/facts.ts'
import { type HandOver, idsIn, readHandOver, toHandOver } from '../../../lib/conversation/hand-over.ts'
import { AppError, InvalidRequestError } from '../../../lib/errors/errors.ts'
import { type AcceptedRequest, parseConversationRequest } from '../../../lib/request/conversation-request.ts'
import { accept } from '../../../lib/request/identity.ts'
import { parseJson } from '../../../lib/request/strict-json.ts'
import { anyFacts } from '../../support/any-facts.ts'
import { anyJson, crmRequest, formRequest, mutated } from '../../support/requests.ts'
import { acceptedRequest } from './fakes.ts'

const DESTINATION = {
  campaignId: '3120045610',
  engagementId: '3120047711',
  ttr: 'NORMAL' as const,
  routeAttributes: [],
}

/** Text of any characters, also with lone surrogates, which no door checks in a token. */
const anyText = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0xd800, max: 0xdfff })), {
    maxLength: 20,
  })
  .map((units) => String.fromCharCode(...units))

const decided = fc.record({
  door: fc.constantFrom('form', 'queue'),
  requestId: fc.stringMatching(/^[A-Za-z0-9._:-]{8,128}$/),
  accountId: fc.stringMatching(/^[A-Za-z0-9]{1,32}$/),
  consumerId: fc.option(fc.oneof(fc.stringMatching(/^[ -~]{1,256}$/), anyText), { nil: undefined }),
  warnings: fc.array(fc.record({ path: fc.string(), message: fc.string() }), { maxLength: 3 }),
})

/** What a token adds is not checked by the rules for the body. */
const fromToken = fc.record(
  {
    engagementAttributes: fc
      .tuple(anyText, fc.integer({ min: 0, max: 500 }))
      .map(([start, length]) => [
        { type: 'personal' as const, personal: { firstname: start + '🦊'.repeat(length) } },
      ]),
    consumer: fc.record({ firstName: anyText, description: anyText }, { requiredKeys: [] }),
    message: anyText,
  },
  { requiredKeys: [] },
)

const anyRequest: fc.Arbitrary<AcceptedRequest> = fc
  .tuple(fc.oneof(formRequest, crmRequest), decided, fromToken)
  .map(([request, place, added]) => ({
    ...accept(parseConversationRequest(request).request, place),
    ...added,
  }))

const anyHandOver: fc.Arbitrary<HandOver> = fc.record(
  {
    request: anyRequest,
    destination: fc.tuple(fc.constantFrom('URGENT', 'NORMAL'), anyText).map(([ttr, ctype]) => ({
      ...DESTINATION,
      ttr,
      routeAttributes: [{ type: 'ctmrinfo' as const, info: { ctype } }],
    })),
    facts: anyFacts,
    acceptedAt: fc.nat(),
    pausedMs: fc.nat(),
    pausedSince: fc.nat(),
  },
  { requiredKeys: ['request', 'destination', 'facts'] },
)

const handOver = (members: Partial<HandOver> = {}): HandOver => ({
  request: acceptedRequest(),
  destination: DESTINATION,
  facts: NOTHING,
  ...members,
})

const read = (body: string) => readHandOver(parseJson(body))

describe('a hand-over', () => {
  test('is read back as the same, whatever the request and the facts are', () => {
    fc.assert(
      fc.property(anyHandOver, (given) => {
        const expected = { acceptedAt: undefined, pausedMs: undefined, pausedSince: undefined, ...given }
        expect(read(toHandOver(given))).toEqual(expected)
      }),
      { numRuns: 300 },
    )
  })

  test.each([
    ['300 characters', 'x'.repeat(300)],
    ['300 characters outside the basic plane', '🦊'.repeat(300)],
    ['lone surrogates', '\ud83e Ana \udd8a'],
    ['control characters', '\u0000\u007f\u2028'],
  ])('keeps a first name from a token with %s', (_, firstname) => {
    const request = acceptedRequest({ engagementAttributes: [{ type: 'personal', personal: { firstname } }] })
    expect(read(toHandOver(handOver({ request }))).request).toEqual(request)
  })

  test.each<[string, Partial<Facts>]>([
    ['nothing is known', {}],
    ['a create is in doubt', { conversation: { kind: 'in_doubt' } }],
    ['a person has to look', { conversation: { kind: 'unknown' } }],
    ['LivePerson refused', { conversation: { kind: 'refused', code: 'liveperson_rejected', attempt: 2 } }],
    ['another conversation is open', { conversation: { kind: 'existing', conversationId: 'c-0' } }],
    ['its id is missing', { conversation: { kind: 'opened' }, idMissingSince: 1_800_000_000_000 }],
    [
      'it is open, and its message is sent',
      {
        conversation: { kind: 'opened', conversationId: 'c-1' },
        message: { tried: 1, refused: 0, sent: true },
        lpConsumerId: 'a'.repeat(64),
        openedAt: 1_800_000_000_000,
      },
    ],
    ['its message is owed', { message: { tried: 2, refused: 2, sent: false } }],
    ['its message is given up', { message: { tried: 2, refused: 2, sent: false, dropped: 'given_up' } }],
    [
      'the claim was released',
      { claim: { attempt: 2, releases: 2, state: 'queued', code: 'liveperson_unavailable' } },
    ],
    ['the claim was not released', { claim: { attempt: 1, releases: 0, state: 'held' } }],
  ])('carries what is known: %s', (_, members) => {
    const facts = { ...NOTHING, ...members }
    expect(read(toHandOver(handOver({ facts }))).facts).toEqual(facts)
  })

  test('carries who vouches for the request, and the hash of its challenge', () => {
    const request = acceptedRequest({ vouchedBy: 'nobody', challengeHash: 'c'.repeat(64) })
    expect(read(toHandOver(handOver({ request }))).request).toEqual(request)
  })

  test('is ASCII', () => {
    fc.assert(
      fc.property(anyHandOver, (given) => {
        expect(toHandOver(given)).toMatch(/^[\u0020-\u007e]*$/)
      }),
    )
  })
})

describe('readHandOver', () => {
  const good = (): Record<string, unknown> =>
    JSON.parse(
      toHandOver(
        handOver({ facts: { ...NOTHING, conversation: { kind: 'opened', conversationId: 'c-1' } } }),
      ),
    ).handedOver
  const withFacts = (members: object) => ({ facts: { ...NOTHING, ...members } })

  test('accepts the hand-over that the next tests change', () => {
    expect(readHandOver({ handedOver: good() })).toMatchObject({ request: acceptedRequest() })
  })

  test.each<[string, unknown]>([
    ['a CRM event', { route: 'order-help' }],
    ['an empty object', {}],
    ['an array', [{ handedOver: {} }]],
    ['a string', 'handedOver'],
    ['null', null],
  ])('refuses %s', (_, input) => {
    expect(() => readHandOver(input)).toThrow(InvalidRequestError)
  })

  test.each<[string, object]>([
    ['an unknown member', { priority: 1 }],
    ['an unknown door', { door: 'phone' }],
    ['no request id', { requestId: undefined }],
    ['no account id', { accountId: undefined }],
    ['no consumer', { consumerId: undefined }],
    ['no fingerprint', { fingerprint: undefined }],
    ['no kind of sender', { vouchedBy: undefined }],
    ['a challenge that is not hashed', { challengeHash: 'solved' }],
    ['no request', { request: undefined }],
    ['a request that is not an object', { request: ['order-help'] }],
    ['no destination', { destination: undefined }],
    ['a time of acceptance that is text', { acceptedAt: '1800000000000' }],
    ['a pause that is text', { pausedMs: '1' }],
    ['no facts', { facts: undefined }],
    ['facts with an unknown member', withFacts({ closed: true })],
    ['no claim', withFacts({ claim: undefined })],
  ])('refuses %s', (_, change) => {
    expect(() => readHandOver({ handedOver: { ...good(), ...change } })).toThrow(InvalidRequestError)
  })

  test('refuses a member beside the hand-over', () => {
    expect(() => readHandOver({ handedOver: good(), route: 'order-help' })).toThrow(InvalidRequestError)
  })

  test.each<[string, object]>([
    ['a request that no door would accept', { request: { route: '' } }],
    ['ids that no door would accept', { requestId: 'x', accountId: '7012/3456', consumerId: '' }],
  ])('does not validate again: %s', (_, change) => {
    expect(readHandOver({ handedOver: { ...good(), ...change } })).toBeDefined()
  })

  test('returns a hand-over or throws an AppError, for any mistake', () => {
    const any = fc.oneof(
      mutated(anyHandOver.map((given): object => JSON.parse(toHandOver(given)))),
      anyJson.map((value) => JSON.stringify({ handedOver: value }) ?? ''),
    )
    let accepted = 0
    fc.assert(
      fc.property(any, (body) => {
        try {
          if (read(body)) accepted++
        } catch (error) {
          expect(error).toBeInstanceOf(AppError)
        }
      }),
      { numRuns: 300 },
    )
    expect(accepted).toBeLessThan(300)
  })
})

describe('idsIn', () => {
  const ids = {
    door: 'form',
    accountId: '70123456',
    vouchedBy: 'token',
    requestId: 'form-0001',
  } as const

  test('returns the ids of a hand-over that is invalid otherwise', () => {
    expect(idsIn({ handedOver: { ...ids, facts: 'of another version' }, more: 1 })).toEqual(ids)
  })

  test.each<[string, unknown]>([
    ['a CRM event', { ...ids }],
    ['a hand-over without a door', { handedOver: { ...ids, door: undefined } }],
    ['a hand-over without a kind of sender', { handedOver: { ...ids, vouchedBy: undefined } }],
    ['a hand-over with a number for an id', { handedOver: { ...ids, requestId: 1 } }],
    ['null', null],
  ])('returns undefined for %s', (_, input) => {
    expect(idsIn(input)).toBeUndefined()
  })
})
