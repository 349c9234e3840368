import { isRecord } from '../../lib/request/lenient-json.ts'
import { MEMBERS } from '../../lib/request/members.ts'
import { valuesAt, wholeRequest } from '../support/whole-request.ts'
import { makeDigits, makeMark } from './marks.ts'

interface MarkedRequest {
  readonly consumer: Readonly<Record<string, unknown>>
  readonly engagementAttributes: readonly { readonly type: unknown }[]
  readonly [name: string]: unknown
}

/**
 * Returns a request with a mark in every personal member of the schema that can hold one.
 *
 * @returns `marks` by the member's path; `unmarked` lists the personal members whose few values can't be
 * marks.
 */
export const makeMarkedRequest = () => {
  const candidates = new Map(
    Object.entries(MEMBERS)
      .filter(([, { personal }]) => personal)
      .map(([path]) => [path, { text: makeMark(path.replace(/\W/g, '')), digits: makeDigits() }]),
  )
  const request = wholeRequest((path) => {
    const candidate = candidates.get(path)
    return candidate ? shapesOf(path, candidate) : []
  })
  const marks: Record<string, string> = {}
  const unmarked: string[] = []
  for (const [path, { text, digits }] of candidates) {
    const [value] = valuesAt(request, path).map(String)
    const mark = [text, digits].find((each) => value?.includes(each))
    if (mark === undefined) unmarked.push(path)
    else marks[path] = mark
  }
  return { request: narrow(request), marks, unmarked }
}

/**
 * The shapes that members may need. The first that the schema allows is used; the last is for languages, and
 * no mark.
 */
const shapesOf = (path: string, { text, digits }: { readonly text: string; readonly digits: string }) => {
  if (path.endsWith('email')) return [`${text}@example.org`]
  if (path.endsWith('phone')) return [`+${digits}`]
  return [text, `https://example.org/${text}.png`, Number(digits), 'en-GB']
}

const narrow = (request: Readonly<Record<string, unknown>>): MarkedRequest => {
  const { consumer, engagementAttributes } = request
  if (!isRecord(consumer) || !Array.isArray(engagementAttributes))
    throw new Error('A whole request has a consumer and engagement attributes')
  return { ...request, consumer, engagementAttributes }
}
