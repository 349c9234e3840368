import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { toHandOver } from '../../../lib/conversation/hand-over.ts'
import { NOTHING } from '../../../lib/conversation/protocol.ts'
import { toConversationBody, toMessageBody, toPresenceBody } from '../../../lib/liveperson/payload.ts'
import { createOutbound, type Outbound } from '../../../lib/net/outbound.ts'
import { parseConversationRequest } from '../../../lib/request/conversation-request.ts'
import { isRecord } from '../../../lib/request/lenient-json.ts'
import { MEMBERS, type Target } from '../../../lib/request/members.ts'
import { valuesAt, wholeRequest } from '../../support/whole-request.ts'
import {
  ACCOUNT,
  deliver,
  jobOf,
  type Service,
  startWorld,
  submit,
  toRecord,
  type World,
} from '../../support/world.ts'

const ids = { profile: 'id-1', conversation: 'id-2' }
const nothing = { consumer: undefined, context: undefined, engagementAttributes: undefined }
const destination = {
  accountId: '70123456',
  campaignId: '3120045610',
  engagementId: '3120047710',
  ttr: 'NORMAL',
}
type Input = Parameters<typeof toConversationBody>[0]
const profileOf = (input: Partial<Input>) =>
  toConversationBody({ ...destination, ...nothing, ...input }, ids)[0]?.body

/** Returns every value in a JSON value that has no members. */
const leavesOf = (value: unknown): readonly unknown[] =>
  typeof value === 'object' && value !== null ? Object.values(value).flatMap(leavesOf) : [value]

/** A request, and what LivePerson received for it by target. `other` is where no member belongs. */
interface Received {
  readonly request: object
  readonly parts: Readonly<Record<Target | 'other', unknown>>
}

/** Returns the targets that received every value of a member. */
const targetsOf = (received: readonly Received[], path: string): readonly string[] => [
  ...new Set(
    received.flatMap(({ request, parts }) => {
      const values = valuesAt(request, path)
      return Object.entries(parts)
        .filter(([, part]) => values.length > 0 && values.every((value) => leavesOf(part).includes(value)))
        .map(([target]) => target)
    }),
  ),
]

describe('the row of a member in MEMBERS says where LivePerson gets it', () => {
  let world: World
  beforeAll(async () => {
    world = await startWorld()
  })
  afterAll(() => world.close())

  // A request has a route or a campaign, never both.
  const { route, ...event } = wholeRequest((path) => (path === 'accountId' ? [ACCOUNT] : []))
  const { accountId, consumer, engagementAttributes, ...rest } = event
  const { id, ...anonymous } = isRecord(consumer) ? consumer : {}
  const attributes = Array.isArray(engagementAttributes) ? engagementAttributes : []
  const form = {
    ...rest,
    consumer: anonymous,
    engagementAttributes: attributes.filter(({ type }) => type !== 'ctmrinfo'),
  }

  const fromQueue = (service: Service, request: object): Promise<unknown> =>
    deliver(service, [toRecord(request)])
  const handedOver = (service: Service, request: object): Promise<unknown> => {
    const { request: accepted } = jobOf(world.configOf().stage, toRecord(request))
    return deliver(service, [toRecord(toHandOver(accepted, NOTHING))])
  }

  let serial = 0

  /** Sends a request under a new id. Returns what LivePerson received. */
  const receive = async (
    send: typeof fromQueue,
    members: object,
    outbound: Outbound = createOutbound(),
  ): Promise<Received> => {
    world.livePerson.reset()
    world.livePerson.settings.mode = 'lenient'
    const request = { ...members, requestId: `payload-${++serial}` }
    await send(world.createService({ outbound }), request)
    const [identity, conversation, sent] = (['idp', 'conversation', 'send'] as const).map((service) =>
      JSON.parse(world.livePerson.requests({ service })[0]?.body ?? 'null'),
    )
    const [first, second] = conversation
    const { authenticatedData, ...profile } = first.body
    const { conversationContext, ...asked } = second.body
    const { event: message, ...addressed } = sent.body
    const { ext_consumer_id, ...beside } = identity
    const envelopes = [first, second, sent].map(({ body, ...envelope }) => envelope)
    return {
      request,
      parts: {
        profile,
        sde: authenticatedData,
        context: conversationContext,
        conversation: asked,
        message,
        identity: ext_consumer_id,
        other: [envelopes, addressed, beside],
      },
    }
  }

  /** Sends a request with its attributes and without. Without, the consumer becomes a `personal` attribute. */
  const receiveBoth = async (send: typeof fromQueue, members: object, outbound?: Outbound) => [
    await receive(send, members, outbound),
    await receive(send, { ...members, engagementAttributes: undefined }, outbound),
  ]

  const rows = Object.entries(MEMBERS)
  const notInForms = /^(accountId|route|consumer\.id|engagementAttributes\[\]\.info\..*)$/

  describe.each<[string, typeof fromQueue, object, RegExp]>([
    ['a CRM event', fromQueue, event, /^route$/],
    ['a hand-over', handedOver, event, /^route$/],
    ['a form', submit, form, notInForms],
  ])('in %s:', (_, send, members, absent) => {
    let received: readonly Received[]
    beforeAll(async () => {
      received = await receiveBoth(send, members)
    })

    test.each(rows.filter(([path]) => !absent.test(path)))('%s', (path, { goesTo }) => {
      expect(valuesAt(members, path)).not.toEqual([])
      expect(targetsOf(received, path).toSorted()).toEqual(goesTo.toSorted())
    })

    test.each(rows.filter(([path]) => absent.test(path)))('%s is not part of it', (path) => {
      expect(valuesAt(members, path)).toEqual([])
    })
  })

  test('engagementAttributes are passed on unchanged', async () => {
    const { parts } = await receive(fromQueue, event)
    expect(parts.sde).toEqual({ lp_sdes: engagementAttributes })
  })

  test('no two members of the request have the same value', () => {
    const values = rows.flatMap(([path]) => valuesAt(event, path)).map(String)
    expect(values.length).toBe(new Set(values).size)
  })

  test.each([
    ['ttr', /"ttrDefName":"[^"]+",/, ''],
    ['ttr', /(?<="ttrDefName":)"[^"]+"/, '"HOME"'],
    ['context.visitorId', /"visitorId":"[^"]+",/, ''],
    ['consumer.firstName', /(?<="firstName":)"[^"]+"/g, '"sample of consumer.lastName"'],
    ['campaign.campaignId', /"campaignId":"[^"]+",/, ''],
    ['message', /(?<="message":)"[^"]+"/, '"Hello"'],
  ])('%s is missed if %s becomes %j', async (path, find, replace) => {
    const real = createOutbound()
    const changed: Outbound = ({ body, ...call }) =>
      real({ ...call, ...(body !== undefined && { body: body.replace(find, replace) }) })
    const received = await receiveBoth(fromQueue, event, changed)
    const missed = rows.filter(
      ([other, { goesTo }]) =>
        other !== 'route' && targetsOf(received, other).toSorted().join() !== goesTo.toSorted().join(),
    )
    expect(missed.map(([other]) => other)).toContain(path)
  })
})

describe('toConversationBody', () => {
  test('a CRM event becomes exactly the documented batch', () => {
    const folder = new URL('../../fixtures/conversation/', import.meta.url)
    const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, folder), 'utf8'))
    const request = parseConversationRequest(read('crm-event.json'))
    if (!request.campaign) throw new Error('The fixture names a campaign')
    const input = {
      ...nothing,
      ...request,
      ...request.campaign,
      accountId: '70123456',
      ttr: request.ttr ?? '',
    }
    expect(JSON.parse(JSON.stringify(toConversationBody(input, ids)))).toEqual(read('crm-event.body.json'))
  })

  test('without a consumer the profile is empty', () => {
    expect(profileOf({})).toEqual({})
  })

  test('the consumer becomes the profile and a personal attribute', () => {
    const consumer = {
      firstName: 'Žofie',
      lastName: 'Åberg 🦊',
      email: 'zofie@example.org',
      phone: '+4520000001',
      avatarUrl: 'https://cdn.example.org/z.png',
      description: 'Since 2019',
    }
    expect(profileOf({ consumer })).toEqual({
      firstName: 'Žofie',
      lastName: 'Åberg 🦊',
      avatarUrl: 'https://cdn.example.org/z.png',
      description: 'Since 2019',
      privateData: { mobileNum: '+4520000001', mail: 'zofie@example.org' },
      authenticatedData: {
        lp_sdes: [
          {
            type: 'personal',
            personal: {
              firstname: 'Žofie',
              lastname: 'Åberg 🦊',
              contacts: [{ email: 'zofie@example.org', phone: '+4520000001' }],
            },
          },
        ],
      },
    })
  })

  test.each<[string, Input['consumer'], object]>([
    ['no names', { email: 'a@example.org' }, { contacts: [{ email: 'a@example.org' }] }],
    ['no contact', { lastName: 'Åberg' }, { lastname: 'Åberg' }],
  ])('a consumer with %s becomes a personal attribute without them', (_, consumer, personal) => {
    expect(profileOf({ consumer })).toMatchObject({
      authenticatedData: { lp_sdes: [{ type: 'personal', personal }] },
    })
  })

  test('a consumer without names and contacts becomes no personal attribute', () => {
    expect(profileOf({ consumer: { id: 'crm-1', description: 'Since 2019' } })).toEqual({
      description: 'Since 2019',
    })
  })

  test("the sender's own personal attribute is passed on unchanged", () => {
    const own = { type: 'personal' as const, personal: { company: 'Nord A/S' } }
    expect(profileOf({ consumer: { firstName: 'Ana' }, engagementAttributes: [own] })).toEqual({
      firstName: 'Ana',
      authenticatedData: { lp_sdes: [own] },
    })
  })

  test('the context becomes a SharkContext', () => {
    const context = { visitorId: 'Y3MTc1', sessionId: 'hX2k9', interactionContextId: '1', lang: 'en-GB' }
    expect(toConversationBody({ ...destination, ...nothing, context }, ids)[1]?.body).toMatchObject({
      conversationContext: { type: 'SharkContext', ...context },
    })
  })

  test('any values are passed on unchanged, in the documented order, with two ids', () => {
    const value = fc.string({ unit: 'binary', maxLength: 200 }).filter((text) => text.isWellFormed())
    const number = fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => !Object.is(n, -0))
    fc.assert(
      fc.property(value, value, number, fc.integer(), (firstName, ctype, balance, companySize) => {
        const request = parseConversationRequest(
          JSON.parse(
            JSON.stringify({
              campaign: { campaignId: 1, engagementId: '2' },
              consumer: { firstName },
              engagementAttributes: [{ type: 'ctmrinfo', info: { ctype, balance, companySize } }],
            }),
          ),
        )
        const input = { ...nothing, ...request, ...destination }
        const body = JSON.parse(JSON.stringify(toConversationBody(input, ids)))
        expect(body.map(({ type }: { type: string }) => type)).toEqual([
          'userprofile.SetUserProfile',
          'cm.ConsumerRequestConversation',
        ])
        expect(body[0].id).not.toBe(body[1].id)
        expect(body[0].body.firstName).toBe(firstName)
        expect(body[0].body.authenticatedData.lp_sdes[0]).toEqual({
          type: 'ctmrinfo',
          info: { ctype, balance, companySize },
        })
      }),
    )
  })
})

describe('SEND', () => {
  test('the longest message stays within the 5000 characters of SEND', () => {
    const conversationId = 'c'.repeat(64)
    const message = 'm'.repeat(4498)
    parseConversationRequest({ campaign: { campaignId: '1', engagementId: '2' }, message })
    const body = JSON.stringify(toMessageBody(conversationId, message, 'i'.repeat(36)))
    expect(body.length).toBeLessThanOrEqual(5000)
  })

  test.each([
    [
      'a message is text',
      toMessageBody('conversation-1', 'Hello', 'id-3'),
      { type: 'ContentEvent', contentType: 'text/plain', message: 'Hello' },
    ],
    [
      'presence is a chat state',
      toPresenceBody('conversation-1', 'id-3'),
      { type: 'ChatStateEvent', chatState: 'ACTIVE' },
    ],
  ])('%s, in the main dialog of the conversation', (_, body, event) => {
    expect(body).toEqual({
      kind: 'req',
      id: 'id-3',
      type: 'ms.PublishEvent',
      body: { conversationId: 'conversation-1', dialogId: 'conversation-1', event },
    })
  })
})
