import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { z } from 'zod'
import type { Cors } from '../../tools/cors.ts'
import { toHttpEvent } from '../aws/http-event.ts'
import type { Invoke } from '../aws/invoke.ts'
import { closeServer, listen } from '../net/listen.ts'

/** A route of the HTTP API, and its function. */
export interface Route {
  readonly method: string
  /** Such as `/conversations/{requestId}`. */
  readonly path: string
  readonly invoke: Invoke
}

/** A running HTTP API. */
export interface HttpApi {
  readonly url: string
  close(): Promise<void>
}

/**
 * Starts an HTTP API that behaves as AWS documents API Gateway's. `serverless offline` has one, too, but it
 * adds a `Content-Type`, ignores a slash at the end, answers HEAD, keeps only the last of repeated headers,
 * and sends CORS headers to every origin. docs/testing.md lists the remaining differences.
 *
 * @param options.cors `false`: the API has no CORS configuration.
 * @param options.port Default: a free one.
 * @throws {PortTakenError}
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
 */
export async function startHttpApi(options: {
  readonly routes: readonly Route[]
  readonly cors: Cors | false
  readonly port?: number | undefined
}): Promise<HttpApi> {
  const { routes, cors } = options
  const server = createServer(async (request, response) => {
    try {
      if (cors && request.method === 'OPTIONS')
        response.writeHead(204, toPreflightHeaders(cors, request)).end()
      else await answer(request, response)
    } catch {
      // The client is gone, or the function couldn't be invoked or gave no answer.
      if (response.headersSent) response.destroy()
      else refuse(response, 500, 'Internal Server Error')
    }
  })

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '/', rawHeaders: headers } = request
    const body = await buffer(request)
    const matched = match(routes, method, url)
    if (!matched) return refuse(response, 404, 'Not Found')
    const { route, pathParameters } = matched
    const event = toHttpEvent({
      ...{ method, url, headers, pathParameters },
      body,
      routeKey: `${route.method} ${route.path}`,
    })
    const { functionError, payload } = await route.invoke(event)
    if (functionError !== undefined) return refuse(response, 500, 'Internal Server Error')
    const result = Result.parse(JSON.parse(payload))
    response.writeHead(result.statusCode, {
      ...Object.fromEntries(
        Object.entries(result.headers).filter(([name]) => !(cors && /^access-control-/i.test(name))),
      ),
      ...(result.cookies && { 'set-cookie': result.cookies }),
      ...(cors && toResponseHeaders(cors, request)),
    })
    response.end(Buffer.from(result.body, result.isBase64Encoded ? 'base64' : 'utf8'))
  }

  const port = await listen(server, options.port)
  return { url: `http://127.0.0.1:${port}`, close: () => closeServer(server) }
}

/** What a function returns. */
const Result = z.object({
  statusCode: z.number(),
  headers: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]).pipe(z.coerce.string()))
    .default({}),
  cookies: z.array(z.string()).optional(),
  body: z.string().default(''),
  isBase64Encoded: z.boolean().default(false),
})

function match(routes: readonly Route[], method: string, url: string) {
  const segments = url.split('?', 1).join('').split('/')
  for (const route of routes) {
    const wanted = route.path.split('/')
    const pathParameters: Record<string, string> = {}
    const isMatch = wanted.every((part, index) => {
      const segment = segments[index] ?? ''
      const [, name] = /^\{(\w+)\}$/.exec(part) ?? []
      if (name === undefined) return part === segment
      pathParameters[name] = decode(segment)
      return segment !== ''
    })
    if (isMatch && route.method === method && wanted.length === segments.length)
      return { route, ...(Object.keys(pathParameters).length > 0 && { pathParameters }) }
  }
  return undefined
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

function toPreflightHeaders(cors: Cors, request: IncomingMessage): OutgoingHttpHeaders {
  if (request.headers['access-control-request-method'] === undefined) return {}
  return toCorsHeaders(cors, request, {
    'access-control-allow-methods': cors.allowedMethods.join(','),
    'access-control-allow-headers': cors.allowedHeaders.join(','),
    'access-control-max-age': String(cors.maxAge),
  })
}

function toResponseHeaders(cors: Cors, request: IncomingMessage): OutgoingHttpHeaders {
  return toCorsHeaders(cors, request, {
    'access-control-expose-headers': cors.exposedResponseHeaders.join(','),
  })
}

/**
 * Returns the headers, with those for the origin. None if the request has no origin or one that isn't listed.
 */
function toCorsHeaders(
  { allowedOrigins, allowCredentials }: Cors,
  { headers: { origin } }: IncomingMessage,
  headers: OutgoingHttpHeaders,
): OutgoingHttpHeaders {
  const allowed = ['*', origin].find((value) => value !== undefined && allowedOrigins.includes(value))
  if (origin === undefined || allowed === undefined) return {}
  return {
    'access-control-allow-origin': allowed,
    ...(allowCredentials && { 'access-control-allow-credentials': 'true' }),
    ...headers,
  }
}

function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ message }))
}
