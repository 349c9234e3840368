import type { Finding } from '../lib/errors/errors.ts'
import { UNKNOWN_KEY } from '../lib/request/check.ts'
import { isRecord } from '../lib/request/lenient-json.ts'
import { toConfigSchema } from './config-schema.ts'
import type { PlacedJson } from './json-places.ts'

/** What to write in the members that a stage must have, or that are easily mistaken, by name. */
const WHAT_TO_WRITE: Readonly<Record<string, string>> = {
  accounts: 'list at least one account, such as [{ "accountId": "70123456" }]',
  accountId: 'write the LivePerson account id as text, such as "70123456"',
  campaignId: 'write the id of the campaign in LivePerson as text, such as "3120045610"',
  engagementId: 'write the id of the engagement in LivePerson as text, such as "3120047710"',
  doors: 'list the doors that may use the route, such as ["form", "queue"]',
  ttrAllowed: 'list the values that a form may choose, such as ["URGENT"]',
  origins: 'list the sites that have a form, such as ["https://www.example.com"]',
  allowedHeaders: 'list names of headers, such as ["x-datadog-trace-id"]',
  tokens: 'list the issuers whose tokens are accepted, one object for each',
  issuer: 'write the iss of the tokens, such as "https://id.example.com/"',
  audience: 'list the accepted aud values, such as ["campaign-conversations"]',
  clients: 'list the applications that may send forms, such as ["web"]',
  jwksUrl: 'write the https URL of the keys, such as "https://id.example.com/jwks.json"',
  algorithms: 'list the accepted algorithms, such as ["RS256"]',
  types: 'list the accepted typ values, such as ["JWT"]',
  claim: 'name the claim that holds the consumer id, such as "sub"',
  verifyUrl: 'write the https URL at which the bot check is verified',
  hostnames: 'list the hosts of the pages with the form, such as ["www.example.com"]',
  engagementAttributes: 'list attributes such as { "type": "ctmrinfo", "info": { "ctype": "web" } }',
  type: 'write "ctmrinfo" or "personal"',
}

const WITHOUT_QUOTES: Readonly<Record<string, string>> = {
  'must be a boolean': 'must be true or false, without quotes',
  'must be an integer': 'must be a whole number, without quotes',
  'must be a number': 'must be a number, without quotes',
}

/** Returns the message of a mistake, with what to write instead. */
export const withRemedy = ({ path, message }: Finding, json: Pick<PlacedJson, 'find'>): string => {
  const remedy = WHAT_TO_WRITE[path.split('.').at(-1) ?? '']
  const andRemedy = (text: string) => (remedy === undefined ? text : `${text}: ${remedy}`)
  if (message === UNKNOWN_KEY) return toUnknown(path)
  const { type, source = '' } = json.find(path) ?? {}
  if (message === 'is missing' || message === 'must have at least 1 item') return andRemedy(message)
  if (type === 'null') return remedy ? andRemedy('is null') : 'is null: write a value, or remove the member'
  if (type === 'number' && /string|\bid\b/.test(message) && /^\d+$/.test(source))
    return Number.isSafeInteger(Number(source))
      ? 'is a number: write it as text, in quotes'
      : 'is a number that JSON readers round, so digits are lost: write it as text, in quotes'
  if (WITHOUT_QUOTES[message]) return WITHOUT_QUOTES[message]
  if (message === 'must be an array') return andRemedy('must be a list in [ ]')
  if (message === 'must be an object') return 'must be an object in { }'
  if (message === 'must be a string') return andRemedy('must be text in quotes')
  if (message.startsWith('must be a decimal id'))
    return 'must be an id of 1 to 19 digits: write it as text, such as "3120045610"'
  return message === 'must be a URL' ? andRemedy(message) : message
}

const toUnknown = (path: string): string => {
  const parts = path.split('.')
  const name = parts.pop() ?? ''
  const allowed = namesAt(JSON.parse(toConfigSchema()), parts)
  const close = allowed.find((other) => distance(toPlain(name), toPlain(other)) <= 2)
  const meant = close === undefined ? 'remove it' : `write ${close}`
  return `is an unknown member: ${meant}. Allowed here: ${allowed.join(', ')}`
}

/** Returns the names that an object at a path may have, by the JSON Schema. */
const namesAt = (schema: unknown, [part, ...rest]: readonly string[]): readonly string[] => {
  if (!isRecord(schema)) return []
  const options = [schema.oneOf, schema.anyOf].find(Array.isArray)
  if (options) return [...new Set(options.flatMap((option) => namesAt(option, [part ?? [], rest].flat(2))))]
  const properties = isRecord(schema.properties) ? schema.properties : {}
  if (part === undefined) return Object.keys(properties)
  return namesAt(properties[part] ?? schema.additionalProperties ?? schema.items, rest)
}

const toPlain = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '')

/** Returns how many letters have to be added, removed or replaced (Levenshtein). */
const distance = (one: string, other: string): number => {
  let row = [...other, ''].map((_, index) => index)
  for (const [index, letter] of [...one].entries()) {
    const next = [index + 1]
    for (const [column, against] of [...other].entries())
      next.push(
        Math.min(
          (next[column] ?? 0) + 1,
          (row[column + 1] ?? 0) + 1,
          (row[column] ?? 0) + (letter === against ? 0 : 1),
        ),
      )
    row = next
  }
  return row.at(-1) ?? 0
}
