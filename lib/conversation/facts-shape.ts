import * as z from 'zod/mini'
import { CODES, type Code } from '../errors/codes.ts'

const code = z.enum(Object.keys(CODES) as readonly Code[])
const conversationId = z.optional(z.string())

/** The facts about a request as the ledger stores them. Its claim has attributes of its own. */
export const factsShape = z.strictObject({
  conversation: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.enum(['none', 'in_doubt', 'unknown']) }),
    z.strictObject({ kind: z.literal('refused'), code, attempt: z.int() }),
    z.strictObject({ kind: z.enum(['existing', 'opened']), conversationId }),
  ]),
  message: z.strictObject({
    tried: z.int(),
    refused: z.int(),
    sent: z.boolean(),
    dropped: z.optional(z.enum(['conversation_closed', 'conversation_unknown', 'given_up'])),
  }),
  lpConsumerId: z.optional(z.string()),
  handedOver: z.boolean(),
  doubtUntil: z.optional(z.number()),
  idMissingSince: z.optional(z.number()),
  openedAt: z.optional(z.number()),
  profileRefused: z.optional(z.literal(true)),
  languageRefused: z.optional(z.literal(true)),
  closings: z.optional(z.array(z.strictObject({ conversationId, at: z.number() }))),
  settled: z.optional(
    z.strictObject({
      by: z.enum(['liveperson', 'operator']),
      conversationId,
      at: z.number(),
      reason: z.optional(z.string()),
    }),
  ),
  forgotten: z.optional(z.strictObject({ attempt: z.int(), at: z.number(), reason: z.optional(z.string()) })),
})

/** The facts about a request as a hand-over carries them. */
export const carriedFactsShape = z.extend(factsShape, {
  claim: z.strictObject({
    attempt: z.int(),
    releases: z.int(),
    state: z.enum(['none', 'held', 'failed', 'given_up', 'queued', 'done']),
    code: z.optional(code),
  }),
})
