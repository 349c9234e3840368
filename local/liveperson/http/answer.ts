/** One HTTP answer, before it is sent. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** One result of CONVERSATION, and the whole answer of SEND. */
export interface Result {
  readonly code: 'OK' | 'BAD_REQUEST'
  readonly body: object
  readonly reqId: string
}

/** An answer with a JSON body. */
export const json = (status: number, value: unknown): Answer => ({
  status,
  headers: { 'content-type': 'application/json;charset=utf-8' },
  body: JSON.stringify(value),
})

/** An answer without a body. */
export const empty = (status: number): Answer => ({ status, headers: {}, body: '' })

/**
 * The error object of the Send API, which is not an array and has the HTTP status in the first digits of its code.
 *
 * @see https://developers.liveperson.com/connector-api-send-api-authorization-and-authentication.html#authorization-responses
 */
export const errorObject = (errorCode: number, title: string, details: string, reqId?: string): Answer => {
  const code = Math.floor(errorCode / 100)
  return json(code, {
    kind: 'resp',
    ...(reqId === undefined ? {} : { reqId }),
    code,
    body: { title, details, errorCode },
    type: '.ReqBody$ErrorResp',
  })
}

/** The five documented refusals of the Send API, with 40401 for another `v`. */
export const refusals = {
  brandIdMissing: errorObject(40001, 'Missing parameter', 'Brand Id is missing'),
  brandIdWrong: errorObject(40001, 'Invalid parameter', 'Brand Id is not the account of the path'),
  claimMissing: errorObject(
    40001,
    'Missing parameter',
    'A mandatory claim of the AppJWT is missing or wrong',
  ),
  appJwtInvalid: errorObject(40102, 'Invalid AppJWT', 'AppJWT has expired or is invalid'),
  consumerJwsInvalid: errorObject(40103, 'Invalid ConsumerJWS', 'ConsumerJWS is invalid'),
  consumerJwsMissing: errorObject(40104, 'ConsumerJWS is missing', 'X_ON_BEHALF_HEADER is not present'),
  appJwtMissing: errorObject(40105, 'AppJWT is missing', 'AUTHORIZATION header is not present'),
  versionWrong: errorObject(40401, 'Not found', 'Only v=3 is served'),
} as const

/** A refused request as a single result, HTTP 400; the third shape beside array and error object. */
export const badRequest = (msg: string, reqId = ''): Answer => json(400, failed(msg, reqId))

/** A result that went well. */
export const ok = (body: object, reqId: string): Result => ({ code: 'OK', body, reqId })

/** A result that was refused. */
export const failed = (msg: string, reqId: string): Result => ({ code: 'BAD_REQUEST', body: { msg }, reqId })
