import { BODY_LIMIT } from '../../functions/http/event.ts'
import { MAX_FINDINGS, MAX_PATH } from '../../functions/http/problem.ts'
import { CODES, type Code, isCode } from '../../lib/errors/codes.ts'
import { accountId, requestId } from '../../lib/request/conversation-request.ts'
import { type JsonSchema, toJsonSchema } from '../request-schema.ts'
import { toStatusSchema } from './outcome.ts'
import { toFormSchema } from './request.ts'

/** What no form can get. */
const NOT_FOR_FORMS: readonly Code[] = ['not_found', 'event_too_old']

/** What the functions that only read can get. */
const FOR_READERS: readonly Code[] = ['invalid_config', 'internal_error', 'service_unavailable']

const FORM_CODES = Object.keys(CODES)
  .filter(isCode)
  .filter((code) => !NOT_FOR_FORMS.includes(code))

const schemaRef = (name: string) => ({ $ref: `#/components/schemas/${name}` })
const jsonBody = (name: string) => ({ 'application/json': { schema: schemaRef(name) } })

/** One response for each HTTP status that the codes have. */
const problems = (codes: readonly Code[]) =>
  Object.fromEntries(
    [...Map.groupBy(codes, (code) => CODES[code].httpStatus)].map(([status, group]) => [
      String(status),
      {
        description: group.map((code) => `\`${code}\`: ${CODES[code].detail}`).join('\n\n'),
        ...(status === 503 && { headers: { 'Retry-After': { $ref: '#/components/headers/RetryAfter' } } }),
        content: {
          'application/problem+json': {
            schema: {
              allOf: [schemaRef('Problem'), { properties: { code: { enum: group } } }],
            },
          },
        },
      },
    ]),
  )

/** API Gateway's own answers. */
const gateway = (...names: readonly ('Forbidden' | 'TooManyRequests')[]) =>
  Object.fromEntries(
    names.map((name) => [name === 'Forbidden' ? '403' : '429', { $ref: `#/components/responses/${name}` }]),
  )

const statusResponse = (description: string, headers?: Readonly<Record<string, object>>) => ({
  description,
  ...(headers && { headers }),
  content: jsonBody('RequestStatus'),
})

const idParameter = (description: string) => ({
  name: 'requestId',
  in: 'path',
  required: true,
  description: `${description} One that was an integer in JSON may be shorter.`,
  schema: { anyOf: [toJsonSchema(requestId), { type: 'string', pattern: '^-?[1-9][0-9]{0,14}$' }] },
})

const accountParameter = (description: string) => ({
  name: 'accountId',
  in: 'path',
  required: true,
  description,
  schema: toJsonSchema(accountId),
})

const PROBLEM: JsonSchema = {
  type: 'object',
  description: 'A problem document of RFC 9457.',
  required: ['type', 'title', 'status', 'code', 'detail', 'retryable'],
  properties: {
    type: {
      type: 'string',
      format: 'uri',
      description: 'A URN that ends with the code. It is not an address that can be opened.',
    },
    title: { type: 'string', description: 'The same for every problem with this code.' },
    status: { type: 'integer', description: 'The HTTP status.' },
    code: { enum: Object.keys(CODES), description: 'The code to match on.' },
    detail: { type: 'string', description: 'What went wrong this time, for people.' },
    retryable: {
      type: 'boolean',
      description: 'Whether the same request, with the same id, may succeed later.',
    },
    requestId: { type: 'string', description: 'The id of the request, if it is known.' },
    errors: {
      type: 'array',
      maxItems: MAX_FINDINGS,
      description: 'Only for `invalid_request`: what is wrong with the members.',
      items: {
        type: 'object',
        required: ['path', 'message'],
        properties: {
          path: {
            type: 'string',
            maxLength: MAX_PATH,
            description: 'The dotted path of the member. Empty for the whole body.',
          },
          message: { type: 'string', description: 'What is wrong with it, for people.' },
        },
      },
    },
  },
}

const DOMAIN_REPORT: JsonSchema = {
  type: 'object',
  required: ['accounts'],
  properties: {
    accounts: {
      type: 'array',
      items: {
        type: 'object',
        required: ['accountId', 'changed'],
        properties: {
          accountId: { type: 'string' },
          changed: { type: 'boolean', description: 'Whether a host has changed.' },
          hosts: {
            type: 'object',
            additionalProperties: { type: 'string' },
            description: 'The host of each service. After a failure, the last good ones.',
          },
          fetchedAt: { type: 'string', format: 'date-time' },
          ageMs: {
            type: 'integer',
            minimum: 0,
            description: 'After a failure: the age of the hosts, in milliseconds.',
          },
          code: { enum: Object.keys(CODES), description: 'Why the account could not be refreshed.' },
        },
      },
    },
  },
}

/** Returns the OpenAPI document of the service's HTTP side. */
export const toOpenApi = (version: string) => ({
  openapi: '3.1.1',
  info: {
    title: 'Campaign Conversations',
    version,
    summary: 'Opens LivePerson messaging conversations from web forms and CRM events.',
    description:
      'Match on `code` of a problem and on `status` of a request. Texts are for people and may change. New members may be added to responses.',
    license: { name: 'MIT', identifier: 'MIT' },
  },
  servers: [
    {
      url: '{apiUrl}',
      description: "The stack's output `ApiUrl`.",
      variables: { apiUrl: { default: 'https://conversations.example.org' } },
    },
  ],
  tags: [
    { name: 'Forms', description: 'For pages with a form.' },
    { name: 'CRM events', description: 'For the systems that send events.' },
    { name: 'Operations', description: 'For operators.' },
    { name: 'LivePerson', description: 'For LivePerson itself.' },
  ],
  paths: {
    '/conversations': {
      post: {
        operationId: 'openConversation',
        tags: ['Forms'],
        summary: 'Open a conversation',
        description: `Opens a conversation for a form. The body is smaller than ${BODY_LIMIT / 1024} KB.`,
        security: [{}, { consumerToken: [] }],
        parameters: [{ $ref: '#/components/parameters/IdempotencyKey' }],
        requestBody: {
          required: true,
          content: {
            ...jsonBody('FormSubmission'),
            'application/x-www-form-urlencoded': { schema: schemaRef('FormFields') },
          },
        },
        responses: {
          '200': statusResponse('The request is a copy, or the consumer already had an open conversation.'),
          '201': statusResponse('The conversation is open.'),
          '202': statusResponse('The request is in a queue, and the service opens the conversation later.', {
            Location: { $ref: '#/components/headers/Location' },
            'Retry-After': { $ref: '#/components/headers/RetryAfter' },
          }),
          '303': {
            description:
              'For a browser that posts a form itself (`Accept` has `text/html`), whatever the outcome: the page to show.',
            headers: { Location: { $ref: '#/components/headers/Location' } },
            content: { 'application/json': {}, 'application/problem+json': {} },
          },
          ...problems(FORM_CODES),
          ...gateway('TooManyRequests'),
        },
      },
    },
    '/conversations/{requestId}': {
      get: {
        operationId: 'getConversation',
        tags: ['Forms'],
        summary: "Get the status of a form's request",
        security: [],
        parameters: [
          idParameter("The request's id."),
          {
            name: 'holder',
            in: 'query',
            description:
              'Selects one of several requests with the same id, of different accounts or kinds of sender. `Location` of a 202 has it. Default: the oldest request.',
            schema: { type: 'string' },
          },
        ],
        responses: {
          '200': {
            description: 'The status of the request. A browser (`Accept` has `text/html`) gets a page.',
            content: { ...jsonBody('RequestStatus'), 'text/html': { schema: { type: 'string' } } },
          },
          ...problems(['origin_not_allowed', 'not_found', ...FOR_READERS]),
          ...gateway('TooManyRequests'),
        },
      },
    },
    '/events/{accountId}/{requestId}': {
      get: {
        operationId: 'getEvent',
        tags: ['CRM events'],
        summary: 'Get the status of a CRM event',
        description:
          'An event that was refused before its attempt, for example because it is invalid, has no status under its own id, so that a corrected copy can have the same id. It has one under its SQS message id.',
        security: [{ iam: [] }],
        parameters: [
          accountParameter(
            "The event's account. For a refused event: the account that it names, otherwise the stage's default account, otherwise `none`.",
          ),
          idParameter("The event's request id, or its SQS message id if it was refused."),
        ],
        responses: {
          '200': statusResponse('The status of the event.'),
          ...problems(['not_found', ...FOR_READERS]),
          ...gateway('Forbidden', 'TooManyRequests'),
        },
      },
    },
    '/liveperson/{accountId}/events': {
      post: {
        operationId: 'receiveEvents',
        tags: ['LivePerson'],
        summary: "Receive LivePerson's webhooks",
        description:
          'The address that an account gives LivePerson for its webhooks. LivePerson repeats a push until it is answered with 200.',
        security: [{ signature: [] }],
        parameters: [accountParameter('The account whose webhook it is.')],
        requestBody: {
          required: true,
          description: `LivePerson's own event, in fewer than ${BODY_LIMIT / 1024} KB. The signature is that of these bytes.`,
          content: { 'application/json': { schema: { type: 'object' } } },
        },
        responses: {
          '200': { description: 'The push was recorded, or has nothing to record.' },
          '401': { description: 'The signature is wrong.' },
          '404': { description: 'The stage has no such account.' },
          '413': { description: 'The body is too large.' },
          ...gateway('TooManyRequests'),
          ...problems(FOR_READERS),
        },
      },
    },
    '/domains/refresh': {
      post: {
        operationId: 'refreshDomains',
        tags: ['Operations'],
        summary: "Refresh LivePerson's hosts",
        description: 'The schedule calls it every ten minutes, too.',
        security: [{ iam: [] }],
        responses: {
          '200': { description: 'At least one account is refreshed.', content: jsonBody('DomainReport') },
          ...gateway('Forbidden', 'TooManyRequests'),
          ...problems(['invalid_config', 'internal_error']),
          '502': { description: 'Every account failed.', content: jsonBody('DomainReport') },
        },
      },
    },
  },
  components: {
    schemas: {
      FormSubmission: toFormSchema(),
      FormFields: {
        type: 'object',
        title: 'Form fields',
        description:
          'The members of a form submission as fields. Dots separate the levels of a name, as in `consumer.firstName`, and the items of a list are numbered from 0, as in `engagementAttributes.0.type`. At most 200 fields have a value, and a name has at most 9 parts.',
        additionalProperties: { type: 'string' },
      },
      RequestStatus: toStatusSchema(),
      Problem: PROBLEM,
      DomainReport: DOMAIN_REPORT,
      GatewayMessage: {
        type: 'object',
        properties: { message: { type: 'string' } },
      },
    },
    parameters: {
      IdempotencyKey: {
        name: 'Idempotency-Key',
        in: 'header',
        description:
          "The request's id, with or without the quotes of the IETF draft. It wins over `requestId`. Without an id, a retry counts as a new request.",
        schema: { type: 'string', pattern: '^("[A-Za-z0-9._:-]{8,128}"|[A-Za-z0-9._:-]{8,128})?$' },
      },
    },
    headers: {
      Location: {
        description: 'The address of the status, relative to the address that was called.',
        schema: { type: 'string', format: 'uri-reference' },
      },
      RetryAfter: {
        description: 'How long to wait, in seconds.',
        schema: { type: 'integer', minimum: 0 },
      },
    },
    responses: {
      Forbidden: {
        description: 'API Gateway: the call is not signed, or its IAM identity may not make it.',
        content: jsonBody('GatewayMessage'),
      },
      TooManyRequests: {
        description: 'API Gateway: too many requests. Retry after a pause.',
        content: jsonBody('GatewayMessage'),
      },
    },
    securitySchemes: {
      consumerToken: {
        type: 'http',
        scheme: 'bearer',
        bearerFormat: 'JWT',
        description: "A token of the brand's identity provider, for a signed-in consumer.",
      },
      signature: {
        type: 'apiKey',
        name: 'X-LivePerson-Signature',
        in: 'header',
        description: 'The HMAC of the body with the client secret: `sha1=` or `sha256=`, and Base64.',
      },
      iam: {
        type: 'apiKey',
        name: 'Authorization',
        in: 'header',
        description: 'A call that is signed with Signature Version 4, for the service `execute-api`.',
        'x-amazon-apigateway-authtype': 'awsSigv4',
      },
    },
  },
})
