import { CHALLENGE_FIELDS, MAX_CHALLENGE, MAX_CHARACTERS } from '../../lib/request/form.ts'
import { type JsonSchema, propertiesOf, requestSchema } from '../request-schema.ts'
import { TEXTS } from './texts.ts'

const LENGTHS =
  'Lengths are counted in UTF-16 code units, after line ends became LF and the text became Unicode form NFC. `null`, an empty text, and an object or a list of nothing else count as absent, and are accepted wherever a member is optional.'

/** Rules of the service that no schema of a single member holds. Each is a part of the schema at a path. */
const RULES: ReadonlyMap<string, JsonSchema> = new Map<string, JsonSchema>([
  // parseConversationRequest
  ['', { oneOf: [{ required: ['route'] }, { required: ['campaign'] }] }],
  // isPlaceholder: programs write 0 for no id.
  ['requestId', { not: { const: 0 } }],
  ['consumer.id', { not: { const: 0 } }],
  // LivePerson computes a missing age from the date of birth.
  [
    'engagementAttributes[].personal.age',
    { anyOf: [{ required: ['age'] }, { required: ['year'] }, { maxProperties: 0 }] },
  ],
])

/** What only a CRM event may say. */
const NOT_IN_A_FORM: ReadonlySet<string> = new Set(['accountId', 'consumer.avatarUrl'])

/** What is different about a member in a form. */
const FORM_TEXTS: ReadonlyMap<string, string> = new Map([
  ['consumer.id', "Only with a consumer token, and then the token's own id."],
  ['engagementAttributes', 'Only `personal` ones, and only if the account allows them.'],
  ['ttr', 'Another value than the default only if the route allows it.'],
])

/** Returns the JSON Schema of a CRM event, without the envelopes that SNS and EventBridge add. */
export const toEventSchema = (): JsonSchema => ({
  title: 'CRM event',
  description: `A message on the events queue: what a CRM asks for. It has at most 256 KB. SNS and EventBridge may put it into an envelope. ${LENGTHS}`,
  ...toContract(requestSchema, '', () => true, new Map()),
})

/** Returns the JSON Schema of the JSON body of `POST /conversations`. */
export const toFormSchema = (): JsonSchema => {
  const { properties, ...schema } = toContract(
    requestSchema,
    '',
    (path) => !NOT_IN_A_FORM.has(path),
    FORM_TEXTS,
  )
  const challenges = CHALLENGE_FIELDS.map((name): [string, JsonSchema] => [
    name,
    { type: 'string', maxLength: MAX_CHALLENGE, description: "The token of the bot check's widget." },
  ])
  return {
    title: 'Form submission',
    description: `The JSON body of \`POST /conversations\`: what a form asks for. Without the context and the bot check's token, its values have at most ${MAX_CHARACTERS} characters together. ${LENGTHS}`,
    ...schema,
    properties: { ...properties, ...Object.fromEntries(challenges) },
  }
}

/** Adds the texts and the rules to a schema, and leaves out the members that are not wanted. */
const toContract = (
  schema: JsonSchema,
  path: string,
  isWanted: (path: string) => boolean,
  moreTexts: ReadonlyMap<string, string>,
): JsonSchema => {
  const description = [TEXTS.get(path), moreTexts.get(path)].filter(Boolean).join(' ')
  const inner = (member: JsonSchema, at: string) => toContract(member, at, isWanted, moreTexts)
  const { $schema: _, items, properties, ...rest } = schema
  const members = propertiesOf(schema).map(([name, member]) => ({
    name,
    at: path === '' ? name : `${path}.${name}`,
    member,
  }))
  return {
    ...(description !== '' && { description }),
    ...rest,
    ...(schema.oneOf && { oneOf: schema.oneOf.map((each) => inner(each, `${path}`)) }),
    ...(isSchema(items) && { items: inner(items, `${path}[]`) }),
    ...(properties && {
      properties: Object.fromEntries(
        members.filter(({ at }) => isWanted(at)).map(({ name, at, member }) => [name, inner(member, at)]),
      ),
    }),
    ...RULES.get(path),
  }
}

const isSchema = (items: JsonSchema['items']): items is JsonSchema =>
  typeof items === 'object' && !Array.isArray(items)
