import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AppError, InvalidRequestError } from '../../../lib/errors/errors.ts'
import { headerOf, parseForm } from '../../../lib/request/form.ts'
import { anyFields, anyJson, formRequest, mutated, toFields, withTextIds } from '../../support/requests.ts'
import { formEvent } from '../../support/world.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const parseJsonForm = (body: string) => parseForm(formEvent(body))
const parseFields = (body: string) => parseForm(formEvent(body, { headers: FORM }))

/** Gives whether it was taken; anything thrown but an AppError is thrown on. */
const isTaken = (work: () => unknown): boolean => {
  try {
    work()
    return true
  } catch (error) {
    if (error instanceof AppError) return false
    throw error
  }
}

describe('whatever comes in, parseForm gives a form or an AppError', () => {
  test('any text, of any type, in base64 or not', () => {
    const type = fc.oneof(
      fc.constantFrom('application/json', FORM['content-type'], 'application/json; charset=utf-8', ''),
      fc.string({ maxLength: 30 }),
    )
    const key = fc.option(fc.string({ unit: 'binary', maxLength: 140 }), { nil: undefined })
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 200 }),
        type,
        key,
        fc.boolean(),
        (body, contentType, idempotencyKey, isBase64Encoded) => {
          const headers = {
            'content-type': contentType,
            ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
          }
          isTaken(() => parseForm(formEvent(body, { headers, isBase64Encoded })))
        },
      ),
      { numRuns: 500 },
    )
  })

  test('any bytes in base64', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.boolean(), (bytes, asFields) => {
        const body = Buffer.from(bytes).toString('base64')
        isTaken(() =>
          parseForm(formEvent(body, { isBase64Encoded: true, ...(asFields && { headers: FORM }) })),
        )
      }),
    )
  })

  test('any JSON', () => {
    fc.assert(
      fc.property(anyJson, (value) => void isTaken(() => parseJsonForm(JSON.stringify(value)))),
      { numRuns: 300 },
    )
  })

  test('a good request with something wrong in it', () => {
    let taken = 0
    fc.assert(
      fc.property(mutated(formRequest), (body) => {
        if (isTaken(() => parseJsonForm(body))) taken++
      }),
      { numRuns: 500 },
    )
    expect(taken).toBeGreaterThan(0)
    expect(taken).toBeLessThan(500)
  })

  test('any fields', () => {
    fc.assert(
      fc.property(anyFields, (body) => void isTaken(() => parseFields(body))),
      { numRuns: 500 },
    )
  })

  test.each<[string, unknown]>([
    ['null', null],
    ['nothing', undefined],
  ])('a body that is %s', (_, body) => {
    const event = { ...formEvent('', { headers: FORM }), body } as ReturnType<typeof formEvent>
    expect(isTaken(() => parseForm(event))).toBe(false)
  })

  test('no prototype is ever changed', () => {
    const before = Object.getOwnPropertyNames(Object.prototype)
    for (const body of [
      '__proto__.a=1',
      'constructor.prototype.a=1',
      'consumer.__proto__.a=1',
      '__proto__=1',
    ])
      expect(isTaken(() => parseFields(`route=vip&${body}`))).toBe(false)
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before)
  })
})

describe('a good request', () => {
  test('comes out as it came in, ids as text', () => {
    fc.assert(
      fc.property(formRequest, (request) => {
        const { request: parsed, requestId } = parseJsonForm(JSON.stringify(request))
        expect(parsed).toEqual(withTextIds(request))
        expect(requestId).toBe('requestId' in request ? request.requestId : undefined)
      }),
    )
  })

  test('comes out twice as once', () => {
    fc.assert(
      fc.property(formRequest, (request) => {
        const once = parseJsonForm(JSON.stringify(request))
        expect(parseJsonForm(JSON.stringify(once.request))).toEqual(once)
      }),
    )
  })

  test('is the same as JSON and as a urlencoded form with dotted names, base64 or not', () => {
    fc.assert(
      fc.property(formRequest, fc.boolean(), (request, isBase64Encoded) => {
        const fields = toFields(request)
        fc.pre(fields.length < 16_000)
        const body = isBase64Encoded ? Buffer.from(fields).toString('base64') : fields
        expect(parseForm(formEvent(body, { headers: FORM, isBase64Encoded }))).toEqual(
          parseJsonForm(JSON.stringify(request)),
        )
      }),
    )
  })

  test('is the same with empty fields beside it, as browsers send them', () => {
    expect(parseFields('route=vip&consumer.phone=&consumer.firstName=Ana&message=&ttr=')).toEqual(
      parseJsonForm('{"route":"vip","consumer":{"firstName":"Ana"}}'),
    )
  })

  test.each([
    ['in lower case', 'content-type'],
    ['as sent', 'Content-Type'],
    ['in capitals', 'CONTENT-TYPE'],
  ])('is taken with header names %s', (_, header) => {
    const event = {
      ...formEvent('{"route":"vip"}'),
      headers: { [header]: 'Application/JSON; Charset="UTF-8"' },
    }
    expect(parseForm(event).request).toEqual({ route: 'vip' })
  })
})

describe('a urlencoded form', () => {
  test.each<[string, string, string]>([
    ['a value where others stand', 'consumer=x&consumer.firstName=Ana', 'consumer.firstName'],
    ['others where a value stands', 'consumer.firstName=Ana&consumer=x', 'consumer'],
    ['a list with a gap', 'route=vip&engagementAttributes.1.type=personal', 'engagementAttributes'],
    ['a name of ten parts', `route=vip&${'a.'.repeat(9)}a=1`, ''],
    ['more than 200 fields', `route=vip&${Array.from({ length: 200 }, (_, i) => `a${i}=1`).join('&')}`, ''],
    ['an account', 'route=vip&accountId=70123456', 'accountId'],
  ])('with %s is refused', (_, body, path) => {
    try {
      parseFields(body)
      expect.unreachable()
    } catch (error) {
      if (!(error instanceof InvalidRequestError)) throw error
      expect(error.findings.map((finding) => finding.path)).toContain(path)
    }
  })

  test('takes ten entries of a list and more in the order of their numbers', () => {
    const body = new URLSearchParams({ route: 'vip', 'engagementAttributes.0.type': 'personal' })
    for (let index = 11; index >= 0; index--)
      body.append(`engagementAttributes.0.personal.contacts.${index}.email`, `e${index}`)
    const [attribute] = parseFields(body.toString()).request.engagementAttributes ?? []
    expect(attribute).toMatchObject({
      personal: { contacts: Array.from({ length: 12 }, (_, index) => ({ email: `e${index}` })) },
    })
  })
})

describe('the size of the body', () => {
  const LIMIT = 16 * 1024
  const ofSize = (bytes: number) => {
    const start = '{"route":"vip","consumer":{"description":"'
    return `${start}${'x'.repeat(bytes - start.length - 3)}"}}`
  }
  const codeOf = (body: string, isBase64Encoded = false): string => {
    try {
      parseForm(formEvent(body, { isBase64Encoded }))
    } catch (error) {
      if (error instanceof AppError) return error.code
      throw error
    }
    return 'taken'
  }

  test.each([
    ['one byte below the limit', ofSize(LIMIT - 1), 'invalid_request'],
    ['at the limit', ofSize(LIMIT), 'payload_too_large'],
    ['in two-byte characters', 'é'.repeat(LIMIT / 2), 'payload_too_large'],
    ['one character less', 'é'.repeat(LIMIT / 2 - 1), 'invalid_request'],
    ['a good request', ofSize(3000), 'taken'],
  ])('%s', (_, body, code) => {
    expect(codeOf(body)).toBe(code)
    expect(codeOf(Buffer.from(body).toString('base64'), true)).toBe(code)
  })
})

test.each([
  [{ 'idempotency-key': 'a' }, 'a'],
  [{ 'Idempotency-Key': 'b' }, 'b'],
  [{}, undefined],
  [undefined, undefined],
])('a header is found however its name is written: %j', (headers, value) => {
  expect(headerOf(headers, 'idempotency-key')).toBe(value)
})
