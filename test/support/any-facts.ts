import fc from 'fast-check'
import type { Facts } from '../../lib/conversation/facts.ts'
import { CODES, isCode } from '../../lib/errors/codes.ts'

const code = fc.constantFrom(...Object.keys(CODES).filter(isCode))
const nearCode = fc.constantFrom('internal_error', 'interrupted', 'liveperson_rejected')
const conversationId = fc.uuid()
const nearConversationId = fc.constantFrom('c-1', 'c-2')
const instant = fc.nat({ max: 4_000_000_000_000 })
const reason = fc.constantFrom('a', 'b')
const nearInstant = fc.nat({ max: 2 })

interface Parts {
  readonly code: typeof code
  readonly conversationId: fc.Arbitrary<string>
  readonly lpConsumerId: fc.Arbitrary<string>
  readonly instant: fc.Arbitrary<number>
  readonly count: fc.Arbitrary<number>
}

const factsOf = ({ code, conversationId, lpConsumerId, instant, count }: Parts): fc.Arbitrary<Facts> =>
  fc.record(
    {
      claim: fc.record(
        {
          attempt: count,
          releases: count,
          state: fc.constantFrom('none', 'held', 'failed', 'given_up', 'queued', 'done'),
          code,
        },
        { requiredKeys: ['attempt', 'releases', 'state'] },
      ),
      conversation: fc.oneof(
        fc.record({ kind: fc.constantFrom('none', 'in_doubt', 'unknown') }),
        fc.record({ kind: fc.constant('refused'), code, attempt: count }),
        fc.record(
          { kind: fc.constantFrom('existing', 'opened'), conversationId },
          { requiredKeys: ['kind'] },
        ),
      ),
      message: fc.record(
        {
          tried: count,
          refused: count,
          sent: fc.boolean(),
          dropped: fc.constantFrom('conversation_closed', 'conversation_unknown', 'given_up'),
        },
        { requiredKeys: ['tried', 'refused', 'sent'] },
      ),
      handedOver: fc.boolean(),
      lpConsumerId,
      idMissingSince: instant,
      openedAt: instant,
      closings: fc
        .uniqueArray(fc.record({ conversationId, at: instant }), {
          minLength: 1,
          maxLength: 3,
          selector: (closing) => closing.conversationId,
        })
        .map((all) => all.toSorted((a, b) => (a.conversationId < b.conversationId ? -1 : 1))),
      settled: fc.record(
        { by: fc.constantFrom('liveperson', 'operator'), conversationId, at: instant, reason },
        { requiredKeys: ['by', 'at'] },
      ),
      forgotten: fc.record({ attempt: count, at: instant, reason }, { requiredKeys: ['attempt', 'at'] }),
    },
    { requiredKeys: ['claim', 'conversation', 'message', 'handedOver'] },
  )

/** Facts of every kind. Optional members may be missing. */
export const anyFacts = factsOf({
  code,
  conversationId,
  lpConsumerId: fc.stringMatching(/^[0-9a-f]{64}$/),
  instant,
  count: fc.nat(),
})

/** Facts that have so much in common that a merge has something to decide. */
export const anyNearFacts = factsOf({
  code: nearCode,
  conversationId: nearConversationId,
  lpConsumerId: fc.constantFrom('lp-1', 'lp-2'),
  instant: nearInstant,
  count: fc.nat({ max: 2 }),
})
