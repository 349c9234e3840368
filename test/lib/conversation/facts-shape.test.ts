import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NOTHING } from '../../../lib/conversation/facts.ts'
import { carriedFactsShape, factsShape } from '../../../lib/conversation/facts-shape.ts'
import { anyFacts } from '../../support/any-facts.ts'

const { claim: _, ...STORED } = NOTHING

test('any facts are read as they are', () => {
  fc.assert(
    fc.property(anyFacts, (facts) => {
      const { claim: _, ...stored } = facts
      expect(factsShape.parse(stored)).toEqual(stored)
      expect(carriedFactsShape.parse(facts)).toEqual(facts)
    }),
  )
})

describe('stored facts are refused with', () => {
  test.each<[string, object]>([
    ['an unknown member', { closedAt: 1 }],
    ['a claim, which has attributes of its own', { claim: NOTHING.claim }],
    ['no conversation', { conversation: undefined }],
    ['an unknown kind of conversation', { conversation: { kind: 'rejected' } }],
    ['a refusal without a code', { conversation: { kind: 'refused', attempt: 1 } }],
    ['a refusal with an unknown code', { conversation: { kind: 'refused', code: 'x', attempt: 1 } }],
    ['a refusal of no attempt', { conversation: { kind: 'refused', code: 'liveperson_rejected' } }],
    ['no conversation, but its id', { conversation: { kind: 'none', conversationId: 'c-1' } }],
    ['a conversation id that is a number', { conversation: { kind: 'opened', conversationId: 1 } }],
    ['no message', { message: undefined }],
    ['a message that was tried half a time', { message: { tried: 0.5, refused: 0, sent: false } }],
    ['an unknown reason', { message: { tried: 0, refused: 0, sent: false, dropped: 'x' } }],
    ['an lpConsumerId that is not text', { lpConsumerId: null }],
    ['a time that is text', { openedAt: '1' }],
  ])('%s', (_, members) => {
    expect(factsShape.safeParse({ ...STORED, ...members }).success).toBe(false)
  })
})

describe('carried facts are refused with', () => {
  test.each<[string, unknown]>([
    ['no claim', undefined],
    ['a claim of a fractional attempt', { attempt: 0.5, releases: 0, state: 'none' }],
    ['a claim without its releases', { attempt: 1, state: 'held' }],
    ['an unknown claim state', { attempt: 1, releases: 0, state: 'released' }],
    ['an unknown code', { attempt: 1, releases: 1, state: 'failed', code: 'x' }],
  ])('%s', (_, claim) => {
    expect(carriedFactsShape.safeParse({ ...STORED, claim }).success).toBe(false)
  })
})
