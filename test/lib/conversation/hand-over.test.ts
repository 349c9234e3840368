import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readHandOver, toHandOver } from '../../../lib/conversation/hand-over.ts'
import { type Facts, NOTHING } from '../../../lib/conversation/protocol.ts'
import { AppError, InvalidRequestError } from '../../../lib/errors/errors.ts'
import { type AcceptedRequest, parseConversationRequest } from '../../../lib/request/conversation-request.ts'
import { accept } from '../../../lib/request/identity.ts'
import { parseJson } from '../../../lib/request/strict-json.ts'
import { anyFacts } from '../../support/any-facts.ts'
import { anyJson, crmRequest, formRequest, mutated } from '../../support/requests.ts'
import { acceptedRequest } from './fakes.ts'

const settled = fc.record({
  door: fc.constantFrom('form', 'queue'),
  requestId: fc.stringMatching(/^[A-Za-z0-9._:-]{8,128}$/),
  accountId: fc.stringMatching(/^[A-Za-z0-9]{1,32}$/),
  consumerId: fc.option(fc.stringMatching(/^[ -~]{1,256}$/), { nil: undefined }),
})
const anyAccepted: fc.Arbitrary<AcceptedRequest> = fc
  .tuple(fc.oneof(formRequest, crmRequest), settled)
  .map(([request, decided]) => accept(parseConversationRequest(request), decided))

const read = (body: string) => readHandOver(parseJson(body))

describe('a hand-over', () => {
  test('is read back as the same request with the same facts', () => {
    fc.assert(
      fc.property(anyAccepted, anyFacts, (request, facts) => {
        expect(read(toHandOver(request, facts))).toEqual({ request, facts })
      }),
    )
  })

  test.each<[string, Partial<Facts>]>([
    ['nothing is known', {}],
    ['a create is in doubt', { conversation: { kind: 'in_doubt' }, message: 'in_doubt' }],
    ['a person has to look', { conversation: { kind: 'held' } }],
    ['LivePerson refused', { conversation: { kind: 'refused', code: 'liveperson_rejected' } }],
    ['another conversation is open', { conversation: { kind: 'existing', conversationId: 'c-0' } }],
    ['it is open, and its id is unknown', { conversation: { kind: 'opened' }, message: 'not_sent' }],
    [
      'it is open, and its message is sent',
      {
        conversation: { kind: 'opened', conversationId: 'c-1' },
        message: 'sent',
        lpConsumerId: 'a'.repeat(64),
      },
    ],
    ['the claim was released', { claim: { attempt: 2, state: 'queued', code: 'liveperson_unavailable' } }],
    ['the claim was not released', { claim: { attempt: 1, state: 'held' } }],
  ])('carries what is known: %s', (_, known) => {
    const facts = { ...NOTHING, ...known }
    expect(read(toHandOver(acceptedRequest(), facts))?.facts).toEqual(facts)
  })

  test('is ASCII', () => {
    fc.assert(
      fc.property(anyAccepted, anyFacts, (request, facts) => {
        expect(toHandOver(request, facts)).toMatch(/^[\u0020-\u007e]*$/)
      }),
    )
  })

  test('with a character outside ASCII is read back as the same', () => {
    const request = acceptedRequest({ message: 'Blåbær \u007f \u2028 🦊' })
    expect(read(toHandOver(request, NOTHING))?.request.message).toBe(request.message)
  })
})

describe('readHandOver', () => {
  test.each<[string, unknown]>([
    ['a CRM event', { route: 'order-help' }],
    ['an empty object', {}],
    ['an array', [{ handedOver: {} }]],
    ['a string', 'handedOver'],
    ['null', null],
  ])('returns undefined for %s', (_, input) => {
    expect(readHandOver(input)).toBeUndefined()
  })

  const good = (): Record<string, unknown> =>
    JSON.parse(
      toHandOver(acceptedRequest(), { ...NOTHING, conversation: { kind: 'opened', conversationId: 'c-1' } }),
    ).handedOver
  const withFacts = (members: object) => ({ facts: { ...NOTHING, ...members } })

  test('accepts the hand-over that the next tests change', () => {
    expect(readHandOver({ handedOver: good() })).toMatchObject({ request: acceptedRequest() })
  })

  test.each<[string, object]>([
    ['an unknown member', { priority: 1 }],
    ['an unknown door', { door: 'phone' }],
    ['a request id that is too short', { requestId: 'x' }],
    ['an account id with a slash', { accountId: '7012/3456' }],
    ['no consumer', { consumerId: undefined }],
    ['an empty consumer id', { consumerId: '' }],
    ['a fingerprint that is too short', { fingerprint: 'f'.repeat(63) }],
    ['a fingerprint that is not hex', { fingerprint: 'g'.repeat(64) }],
    ['no request', { request: undefined }],
    ['a request with an unknown member', { request: { route: 'order-help', priority: 1 } }],
    ['a request without a destination', { request: {} }],
    ['no facts', { facts: undefined }],
    ['an unknown member in the facts', withFacts({ opened: true })],
    ['no claim', withFacts({ claim: undefined })],
    ['a claim of a fractional attempt', withFacts({ claim: { attempt: 0.5, state: 'none' } })],
    ['an unknown claim state', withFacts({ claim: { attempt: 1, state: 'released' } })],
    ['an unknown code in the claim', withFacts({ claim: { attempt: 1, state: 'failed', code: 'x' } })],
    ['no conversation', withFacts({ conversation: undefined })],
    ['an unknown kind of conversation', withFacts({ conversation: { kind: 'rejected' } })],
    ['a refusal without a code', withFacts({ conversation: { kind: 'refused' } })],
    ['a refusal with an unknown code', withFacts({ conversation: { kind: 'refused', code: 'x' } })],
    ['no conversation, but its id', withFacts({ conversation: { kind: 'none', conversationId: 'c-1' } })],
    [
      'a conversation id that is a number',
      withFacts({ conversation: { kind: 'opened', conversationId: 1 } }),
    ],
    ['an unknown message state', withFacts({ message: 'unknown' })],
    ['an lpConsumerId that is not text', withFacts({ lpConsumerId: null })],
  ])('refuses %s', (_, change) => {
    expect(() => readHandOver({ handedOver: { ...good(), ...change } })).toThrow(InvalidRequestError)
  })

  test('refuses a member beside the hand-over', () => {
    expect(() => readHandOver({ handedOver: good(), route: 'order-help' })).toThrow(InvalidRequestError)
  })

  test('returns a hand-over or throws an AppError, for any mistake', () => {
    const handOver = fc
      .tuple(anyAccepted, anyFacts)
      .map(([request, facts]): object => JSON.parse(toHandOver(request, facts)))
    const any = fc.oneof(
      mutated(handOver),
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
