import { describe, expect, test } from 'vitest'
import { parseStageConfig } from '../../lib/config/stage.ts'
import corsVariable, { readCors, toCors } from '../../tools/cors.ts'

const corsOf = (members: object) =>
  toCors(
    parseStageConfig({ ...members, accounts: [{ accountId: '7' }] }, { name: 'the test', loopback: false }),
  )

describe('the CORS configuration', () => {
  test('has the listed origins, and lets them send credentials', () => {
    expect(corsOf({ origins: ['https://www.example.com', 'capacitor://localhost'] })).toEqual({
      allowedOrigins: ['https://www.example.com', 'capacitor://localhost'],
      allowedMethods: ['GET', 'POST', 'OPTIONS'],
      allowedHeaders: [
        'content-type',
        'authorization',
        'idempotency-key',
        'traceparent',
        'tracestate',
        'baggage',
        'sentry-trace',
        'x-requested-with',
      ],
      exposedResponseHeaders: ['location', 'retry-after'],
      allowCredentials: true,
      maxAge: 3600,
    })
  })

  test('leaves out null, which lets in plain forms only', () => {
    expect(corsOf({ origins: ['null', 'https://www.example.com'] })).toMatchObject({
      allowedOrigins: ['https://www.example.com'],
      allowCredentials: true,
    })
  })

  test.each([[[]], [['null']]])('is off if no script may read a response: %j', (origins) => {
    expect(corsOf({ origins })).toBe(false)
  })

  test('allows no credentials to every site', () => {
    expect(corsOf({ origins: ['*'] })).toMatchObject({ allowedOrigins: ['*'], allowCredentials: false })
  })

  test('has the headers that the stage adds, each one once', () => {
    const given = { origins: ['https://www.example.com'], allowedHeaders: ['x-datadog-trace-id', 'baggage'] }
    const { allowedHeaders = [] } = corsOf(given) || {}
    expect(allowedHeaders.slice(-2)).toEqual(['x-requested-with', 'x-datadog-trace-id'])
    expect(new Set(allowedHeaders).size).toBe(allowedHeaders.length)
  })

  test('is that of the stage', () => {
    expect(readCors('dev')).toMatchObject({ allowedOrigins: ['https://www.example.com'] })
    expect(readCors('local')).toMatchObject({
      allowedOrigins: ['http://127.0.0.1:5173', 'http://localhost:5173'],
    })
    const { resolve } = corsVariable().configurationVariablesSources.cors
    expect(resolve({ address: 'dev' })).toEqual({ value: readCors('dev') })
  })
})
