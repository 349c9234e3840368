import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { NOTHING } from '../../../lib/conversation/facts.ts'
import { toHandOver } from '../../../lib/conversation/hand-over.ts'
import { createOutbound, type Outbound } from '../../../lib/net/outbound.ts'
import { isRecord } from '../../../lib/request/lenient-json.ts'
import { MEMBERS, type Target } from '../../../lib/request/members.ts'
import { valuesAt, wholeRequest } from '../../support/whole-request.ts'
import {
  ACCOUNT,
  deliver,
  jobOf,
  type Service,
  STAGE,
  startWorld,
  submit,
  toRecord,
  type World,
} from '../../support/world.ts'

/** Returns every value in a JSON value that has no members. */
const leavesOf = (value: unknown): readonly unknown[] =>
  typeof value === 'object' && value !== null ? Object.values(value).flatMap(leavesOf) : [value]

/** A request, and what LivePerson received for it by target. `other` is where no member belongs. */
interface Received {
  readonly request: object
  readonly parts: Readonly<Record<Exclude<Target, 'builtSde'> | 'other', unknown>>
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
  const { id, avatarUrl, ...anonymous } = isRecord(consumer) ? consumer : {}
  const attributes = Array.isArray(engagementAttributes) ? engagementAttributes : []
  const form = {
    ...rest,
    ttr: 'NORMAL',
    consumer: anonymous,
    engagementAttributes: attributes.filter(({ type }) => type !== 'ctmrinfo'),
  }

  const fromQueue = (service: Service, request: object): Promise<unknown> =>
    deliver(service, [toRecord(request)])
  const handedOver = (service: Service, request: object): Promise<unknown> => {
    const { request: accepted, destination } = jobOf(world.configOf().stage, toRecord(request))
    const body = toHandOver({ request: accepted, destination, facts: NOTHING })
    return deliver(service, [toRecord(body, { queue: 'handOver' })])
  }

  let serial = 0

  const stage = {
    ...STAGE,
    accounts: STAGE.accounts.map((account) => ({
      ...account,
      form: { campaigns: 'any', anonymousAttributes: 'allowed' },
    })),
  }

  /** Sends a request under a new id. Returns what LivePerson received. */
  const receive = async (
    send: typeof fromQueue,
    members: object,
    outbound: Outbound = createOutbound(),
  ): Promise<Received> => {
    world.livePerson.reset()
    world.livePerson.settings.mode = 'lenient'
    const request = { ...members, requestId: `payload-${++serial}` }
    await send(world.createService({ outbound, stage }), request)
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
  const notInForms = /^(accountId|route|consumer\.(id|avatarUrl)|engagementAttributes\[\]\.info\..*)$/

  /** Where the values of a member are, if the CRM vouches for them or nobody does. */
  const partsOf = (goesTo: readonly Target[], isVouchedFor: boolean): readonly string[] =>
    goesTo.flatMap((target) => (target === 'builtSde' ? (isVouchedFor ? ['sde'] : []) : [target])).toSorted()

  describe.each<[string, typeof fromQueue, object, RegExp, boolean]>([
    ['a CRM event', fromQueue, event, /^route$/, true],
    ['a hand-over', handedOver, event, /^route$/, true],
    ['a form', submit, form, notInForms, false],
  ])('in %s:', (_, send, members, absent, isVouchedFor) => {
    let received: readonly Received[]
    beforeAll(async () => {
      received = await receiveBoth(send, members)
    })

    test.each(rows.filter(([path]) => !absent.test(path)))('%s', (path, { goesTo }) => {
      expect(valuesAt(members, path)).not.toEqual([])
      expect(targetsOf(received, path).toSorted()).toEqual(partsOf(goesTo, isVouchedFor))
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
        other !== 'route' && targetsOf(received, other).toSorted().join() !== partsOf(goesTo, true).join(),
    )
    expect(missed.map(([other]) => other)).toContain(path)
  })
})
