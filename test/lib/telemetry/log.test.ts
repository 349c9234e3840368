import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { CODES, type Code, isCode } from '../../../lib/errors/codes.ts'
import {
  InvalidRequestError,
  NotFoundError,
  ServiceUnavailableError,
  toAppError,
  toError,
} from '../../../lib/errors/errors.ts'
import { createLog } from '../../../lib/telemetry/log.ts'
import { captureOutput } from './output.ts'

const takeLines = captureOutput()

/** What Powertools writes on every line. The trace id comes from the variable that Lambda sets. */
const ENVELOPE = {
  level: 'INFO',
  message: 'Request finished',
  timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
  service: 'campaign-conversations-test',
  sampling_rate: 0,
  xray_trace_id: '1-5759e988-bd862e3fe1be46a994272793',
}

const ALL_FIELDS = {
  requestId: 'order-4711',
  accountId: '70123456',
  door: 'form',
  campaignId: '3120045610',
  engagementId: '3120047710',
  route: 'order-help',
  status: 'opened',
  conversationId: 'c-1',
  messageStatus: 'not_sent',
  messageCode: 'given_up',
  receives: 2,
  durationMs: 12,
  messageId: 'm-1',
  changed: false,
  hosts: { sentinel: 'z1.sentinel.liveperson.net' },
  ageMs: 600_000,
} as const

describe('a line', () => {
  test('is one JSON object with every field that is allowed', () => {
    createLog().info('Request finished', { ...ALL_FIELDS, code: 'not_found' })
    expect(takeLines()).toEqual([{ ...ENVELOPE, ...ALL_FIELDS, code: 'not_found' }])
  })

  test('leaves out undefined fields and keeps 0 and false', () => {
    createLog().warn('Request finished', { receives: 0, changed: false, route: undefined })
    expect(takeLines()).toEqual([{ ...ENVELOPE, level: 'WARN', receives: 0, changed: false }])
  })

  test('never has an unknown field, whatever its name and value', () => {
    const log = createLog()
    const known = new Set([...Object.keys(ENVELOPE), ...Object.keys(ALL_FIELDS), 'code'])
    const name = fc
      .oneof(
        fc.string(),
        fc.constantFrom('body', 'consumer', 'email', 'token', '__proto__', 'error', 'cause'),
      )
      .filter((text) => !known.has(text))
    fc.assert(
      fc.property(fc.dictionary(name, fc.constant('personal')), (unknown) => {
        const fields = { requestId: 'order-4711', ...unknown }
        log.info('Request finished', fields)
        log.warn('Request finished', fields)
        log.error('Request finished', toError('internal_error'), fields)
        const lines = takeLines()
        expect(lines).toHaveLength(3)
        expect(JSON.stringify(lines)).not.toContain('personal')
      }),
    )
  })

  test('has a message that is a literal in the source', () => {
    const log = createLog()
    const personal: string = 'Ana Berg'
    // @ts-expect-error A message that is only known at run time doesn't compile.
    log.info(personal)
    // @ts-expect-error Nor does one that contains such a text.
    log.warn(`Opened for ${personal}`)
    // @ts-expect-error The same holds for errors.
    log.error(personal, toError('internal_error'))
    expect(takeLines()).toHaveLength(3)
  })
})

describe('an error', () => {
  test.each(Object.keys(CODES).filter(isCode))('%s is logged at the level of its code', (code) => {
    createLog().error('Request finished', toError(code), { requestId: 'order-4711' })
    expect(takeLines()).toEqual([
      {
        ...ENVELOPE,
        level: CODES[code].logLevel.toUpperCase(),
        requestId: 'order-4711',
        code,
        ...(code !== 'invalid_request' && { detail: CODES[code].detail }),
        cause: [],
      },
    ])
  })

  test('is logged with the names and codes of its causes, and not with their texts or stacks', () => {
    const socket = Object.assign(new TypeError('hidden'), { code: 'ECONNRESET', address: 'hidden' })
    createLog().error('Request finished', toAppError(new RangeError('hidden', { cause: socket })))
    const lines = takeLines()
    expect(lines).toMatchObject([{ code: 'internal_error', cause: ['RangeError', 'TypeError ECONNRESET'] }])
    expect(JSON.stringify(lines)).not.toMatch(/hidden|\.ts/)
  })

  test('is logged without its findings', () => {
    const findings = [{ path: 'ana@example.org', message: 'is an unknown key' }]
    createLog().error('Request finished', new InvalidRequestError(findings))
    expect(JSON.stringify(takeLines())).not.toMatch(/ana|unknown/)
  })

  test('has its own code even if a field says otherwise', () => {
    createLog().error('Request finished', new NotFoundError({ detail: 'No.' }), { code: 'other' })
    expect(takeLines()).toMatchObject([{ code: 'not_found', detail: 'No.' }])
  })
})

describe('a failure that passes by itself', () => {
  const fields = { requestId: 'order-4711', accountId: '70123456' }
  const refused = toError('credentials_refused')
  const levels = () => takeLines().map((line) => z.object({ level: z.string() }).parse(line).level)

  test('is an ERROR once in ten minutes per account and code, and INFO in between', () => {
    let now = 0
    const log = createLog({ now: () => now })
    const at = (minutes: number) => {
      now = minutes * 60_000
      log.error('Request queued', refused, fields)
      return levels()
    }
    expect([at(0), at(1), at(9.99), at(10), at(10.1)]).toEqual([
      ['ERROR'],
      ['INFO'],
      ['INFO'],
      ['ERROR'],
      ['INFO'],
    ])
  })

  test('does not hide that of another account, or of another code', () => {
    const log = createLog()
    log.error('Request queued', refused, fields)
    log.error('Request queued', refused, { ...fields, accountId: '70999999' })
    log.error('Request queued', toError('service_unavailable'), fields)
    log.error('Request queued', refused, fields)
    expect(levels()).toEqual(['ERROR', 'ERROR', 'ERROR', 'INFO'])
  })

  test('an hour of failed attempts writes few ERROR lines, and none if LivePerson is down', () => {
    let now = 0
    const log = createLog({ now: () => now })
    for (; now < 3_600_000; now += 3_600) {
      log.error('Request queued', toError('liveperson_unavailable'), fields)
      log.error('Request queued', refused, fields)
    }
    const counts = Map.groupBy(levels(), (level) => level)
    expect(counts.get('ERROR')).toHaveLength(6)
    expect(counts.get('INFO')).toHaveLength(2000 - 6)
  })

  test('is not the level of one that ends a request, or of which somebody else says so', () => {
    const log = createLog()
    for (let times = 0; times < 2; times++) {
      log.error('Request rejected', toError('liveperson_rejected'), fields)
      log.error('Request failed', refused, fields, 'error')
    }
    expect(levels()).toEqual(['ERROR', 'ERROR', 'ERROR', 'ERROR'])
  })
})

describe('what failed on the way', () => {
  const fields = (code: Code) => ({
    accountId: '70123456',
    failures: [{ step: 'send', error: toError(code) }],
  })

  test('is in the same line, with step, code, our own words, and names and codes of causes', () => {
    const cause = Object.assign(new Error('hidden'), { code: 'ECONNRESET' })
    const error = new ServiceUnavailableError({ detail: 'DynamoDB UpdateItem failed.', cause })
    createLog().info('Request finished', { status: 'opened', failures: [{ step: 'record', error }] })
    expect(takeLines()).toMatchObject([
      {
        status: 'opened',
        failures: [
          {
            step: 'record',
            code: 'service_unavailable',
            detail: 'DynamoDB UpdateItem failed.',
            cause: ['Error ECONNRESET'],
          },
        ],
      },
    ])
  })

  test('makes an ERROR of the line if a person has to act', () => {
    const log = createLog()
    log.info('Request finished', fields('liveperson_unavailable'))
    log.info('Request finished', fields('credentials_refused'))
    log.info('Request finished', fields('credentials_refused'))
    log.error('Request queued', toError('liveperson_unavailable'), fields('internal_error'))
    expect(takeLines()).toMatchObject([
      { level: 'INFO' },
      { level: 'ERROR' },
      { level: 'INFO' },
      { level: 'ERROR', code: 'liveperson_unavailable' },
    ])
  })
})

test.each([
  ['WARN', ['WARN', 'ERROR']],
  ['ERROR', ['ERROR']],
  ['SILENT', []],
])('LOG_LEVEL %s', (level, expected) => {
  vi.stubEnv('LOG_LEVEL', level)
  const log = createLog()
  log.info('Request finished')
  log.warn('Request finished')
  log.error('Request finished', toError('internal_error'))
  expect(takeLines()).toMatchObject(expected.map((name) => ({ level: name })))
})
