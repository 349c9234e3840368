import { MEMBERS, type Target } from '../lib/request/members.ts'
import { type JsonSchema, listMembers, patternsOf } from './request-schema.ts'

const START = '<!-- members:start -->'
const END = '<!-- members:end -->'

const TARGETS: Readonly<Record<Target, string>> = {
  profile: 'profile',
  sde: 'engagement attributes',
  builtSde: 'engagement attributes (from the CRM)',
  context: 'conversation context',
  conversation: 'conversation',
  message: 'first message',
  identity: 'external consumer id',
}

const INTRO = `\
\`[]\` stands for each item of a list. "Goes to" names the part of the LivePerson conversation that gets the
value. Personal values never appear in logs, metrics, URLs or the state table.`

/**
 * Returns a page with the table of request members between its two markers.
 *
 * @throws {Error} The page doesn't have both markers.
 */
export const withMemberTable = (page: string): string => {
  const start = page.indexOf(START)
  const end = page.indexOf(END)
  if (start < 0 || end < start) throw new Error(`The page must contain ${START} and, after it, ${END}`)
  return [page.slice(0, start + START.length), INTRO, toMemberTable(), page.slice(end)].join('\n\n')
}

const toMemberTable = (): string => {
  const schemas = listMembers()
  const rows = Object.entries(MEMBERS).map(([path, { goesTo, personal }]) => {
    const targets = goesTo.map((target) => TARGETS[target]).join(', ') || 'not sent'
    const value = describe(schemas.get(path) ?? [])
    return `| \`${path}\` | ${value} | ${targets} | ${personal ? 'yes' : 'no'} |`
  })
  return ['| member | value | goes to | personal |', '| --- | --- | --- | --- |', ...rows].join('\n')
}

const describe = (schemas: readonly JsonSchema[]): string => {
  const values = schemas.flatMap(
    (schema) => schema.enum ?? (schema.const === undefined ? [] : [schema.const]),
  )
  if (values.length > 0) return values.map((value) => toCode(String(value))).join(', ')
  return schemas.map(describeType).join(', or ')
}

const describeType = (schema: JsonSchema): string => {
  const { type = 'any' } = schema
  const pattern = patternsOf(schema).find((each) => !FOR_ALL_IDS.test(each))
  const limits = type === 'string' ? describeLength(schema) : describeRange(schema)
  return [pattern === undefined ? type : `${type} matching ${toCode(pattern)}`, limits]
    .filter(Boolean)
    .join(', ')
}

/** The rules of the page say these patterns in words: no control characters, no white space around an id. */
const FOR_ALL_IDS = /^\^(?:\[\^\\u0000|\(\\S)/

const describeLength = ({ minLength, maxLength }: JsonSchema): string => {
  if (maxLength === undefined) return ''
  return `${minLength === undefined ? 'at most' : `${minLength} to`} ${maxLength} characters`
}

const describeRange = ({ minimum, maximum }: JsonSchema): string => {
  const least = minimum === Number.MIN_SAFE_INTEGER ? undefined : minimum
  const most = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum
  if (least !== undefined && most !== undefined) return `${least} to ${most}`
  if (least !== undefined) return `at least ${least}`
  return most === undefined ? '' : `at most ${most}`
}

/** Slashes need no escape outside a regular expression literal. A bar would end the cell, even in code. */
const toCode = (text: string) => `\`${text.replaceAll('\\/', '/').replaceAll('|', '\\|')}\``
