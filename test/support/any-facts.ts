import fc from 'fast-check'
import type { Facts } from '../../lib/conversation/protocol.ts'
import { CODES, isCode } from '../../lib/errors/codes.ts'

const code = fc.constantFrom(...Object.keys(CODES).filter(isCode))
const conversationId = fc.uuid()

/** Facts of every kind. Optional members may be missing. */
export const anyFacts: fc.Arbitrary<Facts> = fc.record(
  {
    claim: fc.record(
      { attempt: fc.nat(), state: fc.constantFrom('none', 'held', 'failed', 'queued'), code },
      { requiredKeys: ['attempt', 'state'] },
    ),
    conversation: fc.oneof(
      fc.record({ kind: fc.constantFrom('none', 'in_doubt', 'held') }),
      fc.record({ kind: fc.constant('refused'), code }),
      fc.record({ kind: fc.constantFrom('existing', 'opened'), conversationId }, { requiredKeys: ['kind'] }),
    ),
    message: fc.constantFrom('unsent', 'not_sent', 'in_doubt', 'sent'),
    lpConsumerId: fc.stringMatching(/^[0-9a-f]{64}$/),
  },
  { requiredKeys: ['claim', 'conversation', 'message'] },
)
