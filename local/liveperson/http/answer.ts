/** An HTTP answer that hasn't been sent yet. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** One element of a CONVERSATION answer, or the whole answer of SEND. */
export interface Result {
  readonly code: 'OK' | 'BAD_REQUEST'
  readonly body: object
  readonly reqId: string
}

/** Returns an answer with a JSON body. */
export const json = (status: number, value: unknown): Answer => ({
  status,
  headers: { 'content-type': 'application/json;charset=utf-8' },
  body: JSON.stringify(value),
})

/** Returns an answer without a body. */
export const empty = (status: number): Answer => ({ status, headers: {}, body: '' })

/**
 * Returns the Send API's error object. It isn't an array, and the first three digits of its code are the HTTP
 * status.
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

/** The Send API's documented refusals, and 40401 for an unknown version. */
export const refusals = {
  brandIdMissing: errorObject(40001, 'Missing parameter', 'Brand Id is missing'),
  brandIdWrong: errorObject(40001, 'Invalid parameter', "Brand Id doesn't match the account in the path"),
  claimMissing: errorObject(
    40001,
    'Missing parameter',
    'A mandatory claim of the AppJWT is missing or invalid',
  ),
  appJwtInvalid: errorObject(40102, 'Invalid AppJWT', 'AppJWT has expired or is invalid'),
  consumerJwsInvalid: errorObject(40103, 'Invalid ConsumerJWS', 'ConsumerJWS is invalid'),
  consumerJwsMissing: errorObject(40104, 'ConsumerJWS is missing', 'X_ON_BEHALF_HEADER is not present'),
  appJwtMissing: errorObject(40105, 'AppJWT is missing', 'AUTHORIZATION header is not present'),
  versionWrong: errorObject(40401, 'Not found', 'Only v=3 is supported'),
} as const

/** Returns HTTP 400 with a single failed result: the third shape, beside the array and the error object. */
export const badRequest = (msg: string, reqId = ''): Answer => json(400, failed(msg, reqId))

/** Returns a successful result. */
export const ok = (body: object, reqId: string): Result => ({ code: 'OK', body, reqId })

/** Returns a failed result. */
export const failed = (msg: string, reqId: string): Result => ({ code: 'BAD_REQUEST', body: { msg }, reqId })
