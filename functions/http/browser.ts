import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import type { RouteConfig, StageConfig } from '../../lib/config/stage.ts'
import { readForm } from '../../lib/request/form.ts'
import { isRecord } from '../../lib/request/lenient-json.ts'
import type { Answer } from './answer.ts'
import { acceptsHtml, readBody } from './event.ts'

/** Where the page of a problem is, below `conversations/`. No request has such a short id. */
export const PROBLEM = 'problem'

/** How many fields the address of a problem names. */
const MAX_FIELDS = 5

/**
 * Returns the answer for its sender. A browser that posted a form itself is sent to a page, so that a reload
 * repeats a GET. All others get the answer as it is.
 *
 * The addresses are from the configuration or this API's own, never from the request. No visitor is thanked
 * for a message that was not sent.
 *
 * @param stage Undefined if there is no valid configuration.
 */
export const answerSender = (
  event: APIGatewayProxyEventV2,
  stage: Pick<StageConfig, 'accounts'> | undefined,
  answer: Answer,
): Answer => {
  if (!acceptsHtml(event)) return answer
  const { statusCode = 500, headers, body = '{}' } = answer
  const said: unknown = JSON.parse(body)
  const { requestId, code, errors, messageStatus, messageCode } = isRecord(said) ? said : {}
  // The body of a sender that may not call the service is never read.
  const route = stage && code !== 'origin_not_allowed' ? routeOf(stage, event) : undefined
  const statusPage = headers?.location ?? `conversations/${encodeURIComponent(String(requestId))}`
  const locate = () => {
    if (statusCode >= 300)
      return toProblemAddress(route?.problem, String(code), Array.isArray(errors) ? errors : [])
    if (messageStatus !== 'not_sent') return route?.thanks ?? statusPage
    return route?.problem ? toProblemAddress(route.problem, String(messageCode), []) : statusPage
  }
  return { ...answer, statusCode: 303, headers: { ...headers, location: locate() } }
}

/** Returns the route that the form names, even if the form is invalid otherwise. */
const routeOf = (
  { accounts }: Pick<StageConfig, 'accounts'>,
  event: APIGatewayProxyEventV2,
): RouteConfig | undefined => {
  try {
    const form = readForm(readBody(event))
    const name = isRecord(form) ? String(form.route) : ''
    return accounts.find(({ routes }) => Object.hasOwn(routes, name))?.routes[name]
  } catch {
    return undefined
  }
}

/** Returns the address of a problem's page. Its query has the code, and the names of the invalid fields. */
const toProblemAddress = (
  address = `conversations/${PROBLEM}`,
  code: string,
  errors: readonly unknown[],
): string => {
  const [, start = '', end = ''] = /^([^#]*)(.*)$/.exec(address) ?? []
  const fields = errors
    .map((error) => (isRecord(error) ? String(error.path) : ''))
    .filter((path) => /^[\w.-]{1,64}$/.test(path))
    .slice(0, MAX_FIELDS)
  const query = new URLSearchParams({ code })
  for (const field of fields) query.append('field', field)
  return `${start}${start.includes('?') ? '&' : '?'}${query}${end}`
}
