import { readFileSync } from 'node:fs'
import { createConfig, lintFromString } from '@redocly/openapi-core'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import type { toOutcomeBody } from '../../../functions/http/outcome.ts'
import type { DetailType, OutcomeDetail } from '../../../lib/conversation/outcome-event.ts'
import { InvalidRequestError } from '../../../lib/errors/errors.ts'
import { parseConversationRequest } from '../../../lib/request/conversation-request.ts'
import { unwrap } from '../../../lib/request/envelope.ts'
import { parseForm, readForm } from '../../../lib/request/form.ts'
import { isRecord } from '../../../lib/request/lenient-json.ts'
import { readResources } from '../../../local/aws/resources.ts'
import { toContracts } from '../../../tools/contracts/contracts.ts'
import { toOpenApi } from '../../../tools/contracts/openapi.ts'
import { DETAIL_TYPES, type outcomeDetail, requestStatus } from '../../../tools/contracts/outcome.ts'
import { readDeclaration } from '../../../tools/serverless-yml.ts'
import { codeBlocksOf, documents } from '../../docs/markdown.ts'
import { readCommands, toCurlRequest } from '../../docs/shell.ts'
import { partValidatorOf, readContract, validatorOf } from '../../support/contracts.ts'
import { BROKEN, LIMITS, ROUTE_LIMITS, wholeEvent, withMember } from './variants.ts'

const contracts = toContracts()

test.each(Object.entries(contracts))('contracts/%s is what `npm run contracts` writes', (name, contract) => {
  expect(readContract(name)).toEqual(JSON.parse(JSON.stringify(contract)))
})

const isEvent = validatorOf('crm-event.schema.json')
const isOutcome = validatorOf('outcome-event.schema.json')
const isForm = validatorOf('form-submission.schema.json')
const isFormInOpenApi = partValidatorOf('/components/schemas/FormSubmission')
const isProblem = partValidatorOf('/components/schemas/Problem')

test('the OpenAPI document has the routes of serverless.yml, and no others', () => {
  const { paths } = toOpenApi('')
  const documented = Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  )
  const deployed = readResources().httpApi.routes.map(({ method, path }) => `${method} ${path}`)
  expect(documented.toSorted()).toEqual(deployed.toSorted())
})

test('the OpenAPI document requires IAM where serverless.yml does', () => {
  const { functions } = z
    .object({ functions: z.record(z.string(), FunctionEvents) })
    .parse(readDeclaration('serverless.yml', 'dev'))
  const authorized = Object.values(functions).flatMap(({ events = [] }) =>
    events.flatMap(({ httpApi }) =>
      typeof httpApi === 'object' && httpApi.authorizer?.type === 'aws_iam' ? [httpApi.path] : [],
    ),
  )
  const documented = Object.entries(toOpenApi('').paths).filter(([, operations]) =>
    JSON.stringify(operations).includes('"security":[{"iam":[]}]'),
  )
  expect(documented.map(([path]) => path).toSorted()).toEqual(authorized.toSorted())
  expect(authorized.length).toBeGreaterThan(1)
})

const FunctionEvents = z.object({
  events: z
    .array(
      z.object({
        httpApi: z
          .union([
            z.string(),
            z.object({ path: z.string(), authorizer: z.object({ type: z.string() }).optional() }),
          ])
          .optional(),
      }),
    )
    .optional(),
})

describe('the contracts have the members', () => {
  test("of the service's outcome events", () => {
    expectTypeOf<keyof z.infer<typeof outcomeDetail>>().toEqualTypeOf<keyof OutcomeDetail>()
    expectTypeOf<keyof typeof DETAIL_TYPES>().toEqualTypeOf<DetailType>()
    expect(Object.keys(DETAIL_TYPES)).toHaveLength(8)
  })

  test("of the service's statuses", () => {
    type Status = keyof ReturnType<typeof toOutcomeBody> | 'requestId' | 'messageId' | 'continue'
    expectTypeOf<keyof z.infer<typeof requestStatus>>().toEqualTypeOf<Status>()
    expect(Object.keys(requestStatus.shape)).toContain('status')
  })
})

const OUTCOME = {
  source: 'campaign-conversations',
  'detail-type': 'Conversation Opened',
  detail: {
    version: 1,
    sequence: 1,
    requestId: 'crm-upgrade-2026-11-23-000731',
    accountId: '70123456',
    door: 'queue',
    status: 'opened',
    conversationId: '2d5c7f10-8a46-4f0e-9b1d-3c6e8a7f2b94',
    messageStatus: 'sent',
    campaignId: '3120045610',
    engagementId: '3120047711',
    occurredAt: '2026-11-23T09:30:00.000Z',
    warnings: [{ path: 'context', message: 'had unknown members, which were left out' }],
  },
}

describe('an outcome event', () => {
  test('is accepted, also with members that a later version adds', () => {
    expect(isOutcome(OUTCOME)).toBeUndefined()
    expect(isOutcome({ ...OUTCOME, account: '111122223333' })).toBeUndefined()
    expect(isOutcome({ ...OUTCOME, detail: { ...OUTCOME.detail, agentId: '1' } })).toBeUndefined()
  })

  test.each<[string, object]>([
    ['of another source', { ...OUTCOME, source: 'crm' }],
    ['of an unknown type', { ...OUTCOME, 'detail-type': 'Conversation Lost' }],
    ['without a detail', { ...OUTCOME, detail: undefined }],
    ...Object.entries({
      version: 2,
      sequence: 0,
      accountId: undefined,
      door: 'window',
      status: 'queued',
      code: 'unknown_code',
      messageStatus: 'lost',
      messageCode: 'forgotten',
      conversationId: 1,
      occurredAt: undefined,
      warnings: [{ path: 'context' }],
    }).map(([name, value]): [string, object] => [
      `whose ${name} is ${JSON.stringify(value)}`,
      { ...OUTCOME, detail: { ...OUTCOME.detail, [name]: value } },
    ]),
  ])('%s is refused', (_, event) => {
    expect(isOutcome(JSON.parse(JSON.stringify(event)))).toBeDefined()
  })
})

describe('the linter', () => {
  const lint = async (document: object) => {
    const config = await createConfig({ extends: ['recommended-strict'] })
    const problems = await lintFromString({ source: JSON.stringify(document), config })
    return problems.map(({ ruleId }) => ruleId)
  }

  test('finds nothing in the OpenAPI document', async () => {
    expect(await lint(readContract('openapi.json'))).toEqual([])
  })

  test('finds what is missing in another', async () => {
    const { servers: _, ...rest } = readContract('openapi.json')
    expect(await lint(rest)).toContain('no-empty-servers')
  })
})

/** Returns how the service takes a CRM event: with what it leaves out of the context. */
const takeEvent = (input: unknown): 'accepted' | 'accepted in part' | 'refused' => {
  try {
    return parseConversationRequest(input).warnings.length === 0 ? 'accepted' : 'accepted in part'
  } catch (error) {
    if (error instanceof InvalidRequestError) return 'refused'
    throw error
  }
}

const takeForm = (input: unknown): 'accepted' | 'accepted in part' | 'refused' => {
  try {
    const { warnings } = parseForm({ mediaType: 'application/json', text: JSON.stringify(input) })
    return warnings.length === 0 ? 'accepted' : 'accepted in part'
  } catch (error) {
    if (error instanceof InvalidRequestError) return 'refused'
    throw error
  }
}

/** A form with every member. */
const wholeForm = withoutForeign(wholeEvent)

function withoutForeign(event: unknown): unknown {
  if (!isRecord(event)) return event
  const { accountId: _, consumer, ...form } = event
  if (!isRecord(consumer)) return { ...form, ...(consumer !== undefined && { consumer }) }
  const { avatarUrl: __, ...inForm } = consumer
  return { ...form, consumer: inForm }
}

const NOT_IN_A_FORM = ['accountId', 'consumer.avatarUrl']

describe('a limit is the same for the service and in the contracts', () => {
  test('there is a request with every member', () => {
    expect(isEvent(wholeEvent)).toBeUndefined()
    expect(takeEvent(wholeEvent)).toBe('accepted')
    expect(isForm(wholeForm)).toBeUndefined()
    expect(takeForm(wholeForm)).toBe('accepted')
  })

  test.each(LIMITS.map((limit) => [limit.path, limit] as const))('%s', (path, { at, beyond }) => {
    // Nothing that a visitor's browser says is refused.
    const isLeftOut = path.startsWith('context.')
    const bodies = [
      { whole: wholeEvent, take: takeEvent, schemas: [isEvent] },
      { whole: wholeForm, take: takeForm, schemas: [isForm, isFormInOpenApi] },
    ]
    for (const { whole, take, schemas } of NOT_IN_A_FORM.includes(path) ? bodies.slice(0, 1) : bodies) {
      const [last, next] = [at, beyond].map((value) => withMember(whole, path, value))
      for (const schema of schemas) {
        expect(schema(last)).toBeUndefined()
        expect(schema(next)).toBeDefined()
      }
      // A language has to be one as well.
      if (path !== 'context.lang') expect(take(last)).toBe('accepted')
      expect(take(next)).toBe(isLeftOut ? 'accepted in part' : 'refused')
    }
  })

  test.each(ROUTE_LIMITS)('the route %#', (last, next) => {
    expect([isEvent(last), takeEvent(last)]).toEqual([undefined, 'accepted'])
    expect(isEvent(next)).toBeDefined()
    expect(takeEvent(next)).toBe('refused')
  })

  test('a challenge', () => {
    const withChallenge = (length: number) => ({
      ...Object(wholeForm),
      'h-captcha-response': 'x'.repeat(length),
    })
    expect([isForm(withChallenge(8192)), takeForm(withChallenge(8192))]).toEqual([undefined, 'accepted'])
    expect(isForm(withChallenge(8193))).toBeDefined()
    expect(takeForm(withChallenge(8193))).toBe('refused')
  })
})

test('every limit and at least 60 other mistakes are tried', () => {
  expect(LIMITS.length).toBeGreaterThanOrEqual(90)
  expect(BROKEN.length).toBeGreaterThanOrEqual(60)
})

describe('both the service and the contracts refuse', () => {
  test.each(BROKEN.map(({ name, input }) => [name, input] as const))('%s', (name, input) => {
    expect(isEvent(input)).toBeDefined()
    expect(takeEvent(input)).toBe('refused')
    if (/picture|account id/.test(name)) return
    const form = withoutForeign(input)
    expect(isForm(form)).toBeDefined()
    expect(isFormInOpenApi(form)).toBeDefined()
    expect(takeForm(form)).toBe('refused')
  })

  test.each([
    ['accountId', { accountId: '70123456' }],
    ['consumer.avatarUrl', { consumer: { avatarUrl: 'https://pictures.example.org/1.png' } }],
  ])('%s in a form', (_, members) => {
    const form = { ...Object(wholeForm), ...members }
    expect(isForm(form)).toBeDefined()
    expect(takeForm(form)).toBe('refused')
  })
})

describe('what no JSON Schema can say is in the description', () => {
  const descriptionAt = (...path: readonly string[]): string => {
    const schema = path.reduce<unknown>(
      (value, name) => (isRecord(value) && isRecord(value.properties) ? value.properties[name] : undefined),
      readContract('form-submission.schema.json'),
    )
    return isRecord(schema) ? String(schema.description) : ''
  }

  test.each<[string, unknown, string, readonly string[]]>([
    ['a message that is too long as JSON', { message: '"'.repeat(2250) }, '4500 characters', ['message']],
    ['a placeholder', { requestId: 'undefined' }, 'placeholder such as `undefined`', ['requestId']],
    [
      'a name of 200 pictures, each of which counts twice',
      { consumer: { firstName: '🦊'.repeat(200) } },
      'UTF-16 code units',
      [],
    ],
  ])('%s', (_, members, words, path) => {
    const form = { ...Object(wholeForm), ...Object(members) }
    expect(isForm(form)).toBeUndefined()
    expect(takeForm(form)).toBe('refused')
    expect(descriptionAt(...path)).toContain(words)
  })
})

/** Returns the parsed JSON. Undefined if it is none. */
const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const examples = documents.flatMap(codeBlocksOf)

/** What the documents print as a request or as a problem. */
const printed = examples
  .filter(({ language }) => language === 'json')
  .map(({ place, text }) => ({ place, value: parsed(text) }))

const isOfService = (value: unknown) => isRecord(value) && value.source === 'campaign-conversations'

/** The bodies of the curl commands that open a conversation. */
const posted = examples
  .filter(({ language }) => language === 'sh')
  .flatMap(({ place, text }) =>
    readCommands(text)
      .filter(([name]) => name === 'curl')
      .map(toCurlRequest)
      .filter(({ method, url }) => method === 'POST' && url.endsWith('/conversations'))
      .map(({ headers, body = '' }) => ({
        place,
        value: readForm({
          mediaType:
            headers['content-type'] === 'application/json'
              ? 'application/json'
              : 'application/x-www-form-urlencoded',
          text: body,
        }),
      })),
  )

const isRequest = (value: unknown) =>
  isRecord(value) && (Object.hasOwn(value, 'route') || Object.hasOwn(value, 'campaign'))
const isForCrm = (value: unknown) =>
  isRecord(value) &&
  (Object.hasOwn(value, 'accountId') || (isRecord(value.consumer) && Object.hasOwn(value.consumer, 'id')))

/** What `npm run demo` sends. */
const demo = ['crm-event.json', 'form-request.json'].map((name) => ({
  place: `local/examples/${name}`,
  value: parsed(readFileSync(new URL(`../../../local/examples/${name}`, import.meta.url), 'utf8')),
}))

describe('the contracts accept every example of the documents', () => {
  const requests = [...printed, ...posted, ...demo]
    .filter(({ value }) => !isOfService(value))
    .map(({ place, value }) => ({ place, value: unwrap(value).input }))
    .filter(({ value }) => isRequest(value))

  test('there are some of each kind', () => {
    expect(posted.length).toBeGreaterThanOrEqual(4)
    expect(requests.filter(({ value }) => isForCrm(value)).length).toBeGreaterThanOrEqual(4)
    expect(requests.filter(({ value }) => !isForCrm(value)).length).toBeGreaterThanOrEqual(5)
  })

  test.each(requests.map(({ place, value }) => [place, value] as const))('%s', (_, value) => {
    const isValid = isForCrm(value) ? isEvent : isForm
    expect(isValid(value)).toBeUndefined()
  })

  const outcomes = printed.filter(({ value }) => isOfService(value))

  test.each(outcomes.map(({ place, value }) => [place, value] as const))('%s', (_, value) => {
    expect(isOutcome(value)).toBeUndefined()
  })

  const problems = printed.filter(({ value }) => isRecord(value) && String(value.type).startsWith('urn:'))

  test('there are problems', () => {
    expect(problems.length).toBeGreaterThanOrEqual(2)
  })

  test.each(problems.map(({ place, value }) => [place, value] as const))('%s', (_, value) => {
    expect(isProblem(value)).toBeUndefined()
  })
})
