import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AppError, InvalidRequestError, PayloadTooLargeError } from '../../../lib/errors/errors.ts'
import { type FormBody, parseForm, readForm } from '../../../lib/request/form.ts'
import { anyFields, anyJson, formRequest, mutated, toFields, withTextIds } from '../../support/requests.ts'

const asJson = (text: string): FormBody => ({ mediaType: 'application/json', text })
const asFields = (text: string): FormBody => ({ mediaType: 'application/x-www-form-urlencoded', text })
const parseJsonForm = (value: unknown) => parseForm(asJson(JSON.stringify(value)))
const parseFields = (text: string) => parseForm(asFields(text))

/** Returns whether it succeeds. Throws anything that is not an AppError. */
const isAccepted = (work: () => unknown): boolean => {
  try {
    work()
    return true
  } catch (error) {
    if (error instanceof AppError) return false
    throw error
  }
}

const findingsOf = (work: () => unknown) => {
  try {
    work()
  } catch (error) {
    if (error instanceof InvalidRequestError) return error.findings
    throw error
  }
  return undefined
}

describe('parseForm returns a form or throws an AppError', () => {
  test('for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.boolean(), (text, isJson) => {
        isAccepted(() => parseForm(isJson ? asJson(text) : asFields(text)))
      }),
      { numRuns: 500 },
    )
  })

  test('for any JSON', () => {
    fc.assert(
      fc.property(anyJson, (value) => void isAccepted(() => parseJsonForm(value))),
      { numRuns: 300 },
    )
  })

  test('for a valid request with something wrong in it', () => {
    let accepted = 0
    fc.assert(
      fc.property(mutated(formRequest), (text) => {
        if (isAccepted(() => parseForm(asJson(text)))) accepted++
      }),
      { numRuns: 500 },
    )
    expect(accepted).toBeGreaterThan(0)
    expect(accepted).toBeLessThan(500)
  })

  test('for any fields', () => {
    fc.assert(
      fc.property(anyFields, (text) => void isAccepted(() => parseFields(text))),
      { numRuns: 500 },
    )
  })

  test('and never changes a prototype', () => {
    const before = Object.getOwnPropertyNames(Object.prototype)
    for (const field of [
      '__proto__.a=1',
      'constructor.prototype.a=1',
      'consumer.__proto__.a=1',
      '__proto__=1',
    ])
      expect(isAccepted(() => parseFields(`route=vip&${field}`))).toBe(false)
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before)
  })
})

test.each(['5', '[]', 'null'])('a form that is %s is refused because it is no object', (text) => {
  expect(findingsOf(() => parseForm(asJson(text)))).toEqual([{ path: '', message: 'must be an object' }])
})

describe('a valid request', () => {
  test('is returned as it was sent, with ids as text', () => {
    fc.assert(
      fc.property(formRequest, (request) => {
        expect(parseJsonForm(request)).toEqual({
          request: withTextIds(request),
          challenge: undefined,
          warnings: [],
        })
      }),
    )
  })

  test('is the same when parsed twice', () => {
    fc.assert(
      fc.property(formRequest, (request) => {
        const once = parseJsonForm(request)
        expect(parseJsonForm(once.request)).toEqual(once)
      }),
    )
  })

  test('is the same as JSON and as a URL-encoded form with dotted names', () => {
    fc.assert(
      fc.property(formRequest, (request) => {
        expect(parseFields(toFields(request))).toEqual(parseJsonForm(request))
      }),
    )
  })

  test('is the same with empty fields, which browsers send too', () => {
    expect(parseFields('route=vip&consumer.phone=&consumer.firstName=Ana&message=&ttr=')).toEqual(
      parseJsonForm({ route: 'vip', consumer: { firstName: 'Ana' } }),
    )
  })
})

test.each<[string, FormBody, unknown]>([
  ['JSON', asJson('{"requestId":"request-1","nickname":5}'), { requestId: 'request-1', nickname: 5 }],
  ['fields', asFields('requestId=request-1&a.b=c+d%26'), { requestId: 'request-1', a: { b: 'c d&' } }],
  ['a list', asFields('a.0=x&a.1.b=y'), { a: ['x', { b: 'y' }] }],
  ['indexes with a gap, which are no list', asFields('a.0=x&a.2=y'), { a: { 0: 'x', 2: 'y' } }],
  ['a field without a name', asFields('=x'), { '': 'x' }],
  [
    '200 fields',
    asFields(Array.from({ length: 200 }, (_, index) => `f${index}=x`).join('&')),
    Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`f${index}`, 'x'])),
  ],
  ['a field without a value', asFields('a&b=1'), { b: '1' }],
  [
    'no value and a value',
    asFields('a=&a=1&b=1&b=&c=&c.d=1&e.f=1&e='),
    { a: '1', b: '1', c: { d: '1' }, e: { f: '1' } },
  ],
  ['a list with an empty item', asFields('a.0.b=&a.1.b=x'), { a: [{ b: '' }, { b: 'x' }] }],
  ['an empty field beside another', asFields('a.b=&a.c=x'), { a: { c: 'x' } }],
  ['no fields', asFields(''), {}],
])('readForm returns what a body says, valid or not: %s', (_, body, value) => {
  expect(readForm(body)).toEqual(value)
})

describe('a URL-encoded form', () => {
  const CONFLICT = 'is a duplicate of another field, or conflicts with one'

  test.each<[string, string, string, string]>([
    ['a duplicate field', 'route=vip&route=vip', 'route', CONFLICT],
    ['a duplicate in a list', 'route=vip&a.0.b=1&a.0.b=2', 'a.0.b', CONFLICT],
    ['a member of a value', 'consumer=x&consumer.firstName=Ana', 'consumer.firstName', CONFLICT],
    ['a value for an object', 'route=vip&consumer.firstName=Ana&consumer=x', 'consumer', CONFLICT],
    [
      'a gap in a list',
      'route=vip&engagementAttributes.1.type=personal',
      'engagementAttributes',
      'must be an array',
    ],
    ['a name of ten parts', `route=vip&${'a.'.repeat(9)}a=1`, '', 'has a field name with more than 9 parts'],
    [
      'more than 200 fields',
      `route=vip&${Array.from({ length: 200 }, (_, i) => `a${i}=1`).join('&')}`,
      '',
      'has more than 200 fields',
    ],
    [
      'a list with more than 200 items',
      `route=vip&${Array.from({ length: 200 }, (_, i) => `a.${i}=1`).join('&')}`,
      '',
      'has more than 200 fields',
    ],
    ['a value for an item of a list', 'route=vip&a.10=x&a.10.b=y', 'a.10.b', CONFLICT],
    ['a name in invalid UTF-8', 'route=vip&%FF=x', '', 'is not valid percent-encoded UTF-8'],
    ['invalid UTF-8', 'route=vip&message=%FF', '', 'is not valid percent-encoded UTF-8'],
    ['an incomplete escape', 'route=vip&message=100%', '', 'is not valid percent-encoded UTF-8'],
  ])('with %s is refused', (_, text, path, message) => {
    expect(findingsOf(() => parseFields(text))).toEqual([{ path, message }])
  })

  test('may have any number of empty fields, which a browser sends too', () => {
    const empty = Array.from({ length: 1000 }, (_, index) => `field${index}=&list.${index}.name=`).join('&')
    expect(parseFields(`route=vip&${empty}`).request).toEqual({ route: 'vip' })
  })

  test.each([
    ['before', 'a.0.b=&a.0.b=x'],
    ['after', 'a.0.b=x&a.0.b='],
    ['before and after', 'a.0.b=&a.0.b=x&a.0.b='],
  ])('may have an empty copy of a field %s it', (_, text) => {
    expect(readForm(asFields(text))).toEqual({ a: [{ b: 'x' }] })
  })

  test.each([
    ['a letter and a digit', 'a1'],
    ['a digit and a letter', '1a'],
  ])('has no list at a name of %s', (_, name) => {
    expect(findingsOf(() => parseFields(`route=vip&${name}=x&${name}.b=y`))).toEqual([
      expect.objectContaining({ path: `${name}.b`, message: 'is an unknown key' }),
      expect.objectContaining({ path: name, message: 'is an unknown key' }),
    ])
  })

  test('may repeat a field of a list without a value', () => {
    const fields = 'route=vip&engagementAttributes.0.type=&engagementAttributes.0.type=personal'
    const name = 'engagementAttributes.0.personal.firstname=Ana'
    expect(parseFields(`${fields}&${name}&engagementAttributes.0.type=`).request).toEqual({
      route: 'vip',
      engagementAttributes: [{ type: 'personal', personal: { firstname: 'Ana' } }],
    })
  })

  test('may have an empty field below a value, or a value above one', () => {
    expect(parseFields('route=vip&message=Hi&message.0.dir=').request).toEqual({
      route: 'vip',
      message: 'Hi',
    })
    expect(parseFields('route=vip&message.0.dir=&message=Hi').request).toEqual({
      route: 'vip',
      message: 'Hi',
    })
  })

  test('has no context if its context is a text', () => {
    expect(parseFields('route=vip&context=x')).toMatchObject({
      request: { route: 'vip' },
      warnings: [{ path: 'context', message: 'must be an object, so it was left out' }],
    })
  })

  test('masks a name that is no identifier, for logs', () => {
    const text = 'route=vip&consumer.Ana+Diaz=1&consumer.Ana+Diaz=2&consumer.firstName=1&consumer.firstName=2'
    expect(findingsOf(() => parseFields(text))).toStrictEqual([
      { path: 'consumer.Ana Diaz', maskedPath: 'consumer.(masked)', message: CONFLICT },
      { path: 'consumer.firstName', message: CONFLICT },
    ])
  })

  test('may have a name of nine parts', () => {
    expect(findingsOf(() => parseFields(`route=vip&${'a.'.repeat(8)}a=1`))?.[0]?.path).toBe('a')
  })

  test('keeps lists of more than ten items in the order of their indexes', () => {
    const fields = new URLSearchParams({ route: 'vip', 'engagementAttributes.0.type': 'personal' })
    for (let index = 11; index >= 0; index--)
      fields.append(`engagementAttributes.0.personal.contacts.${index}.email`, `e${index}`)
    const [attribute] = parseFields(fields.toString()).request.engagementAttributes ?? []
    expect(attribute).toMatchObject({
      personal: { contacts: Array.from({ length: 12 }, (_, index) => ({ email: `e${index}` })) },
    })
  })
})

describe('the values of a form', () => {
  const tooLarge = 'The values of a form may have 16384 characters together.'
  test.each<[string, object, object]>([
    ['texts', { a: 'x'.repeat(16_384) }, { a: 'x'.repeat(16_384), b: 'x' }],
    ['numbers', { a: Array(2048).fill(12_345_678) }, { a: [...Array(2048).fill(12_345_678), 1] }],
    [
      'flags and nothing',
      { a: [...Array(4096).fill(true), null] },
      { a: [...Array(4096).fill(true), false] },
    ],
    ['letters that are two signs each', { a: 'a\u0301'.repeat(16_384) }, { a: 'a\u0301'.repeat(16_385) }],
  ])('may have 16,384 characters together, and no more: %s', (_, allowed, refused) => {
    expect(() => parseJsonForm(allowed)).not.toThrow(PayloadTooLargeError)
    expect(() => parseJsonForm(refused)).toThrow(PayloadTooLargeError)
    expect(() => parseJsonForm(refused)).toThrow(tooLarge)
  })
})

test('a body that starts like HTML is no URL-encoded form', () => {
  expect(findingsOf(() => parseFields('<p>route=vip</p>'))).toEqual([
    {
      path: 'Content-Type',
      message: 'says application/x-www-form-urlencoded, but the body is not a URL-encoded form',
    },
  ])
})

test.each<[string, string, object]>([
  ['an account', 'accountId', { accountId: '70123456' }],
  ['a picture', 'consumer.avatarUrl', { consumer: { avatarUrl: 'https://cdn.example.org/a.png' } }],
])('a form may not name %s', (_, path, members) => {
  expect(findingsOf(() => parseJsonForm({ route: 'vip', ...members }))).toEqual([
    { path, message: 'is not allowed in a form' },
  ])
})

test('a form is told every member that no form may have', () => {
  const form = { route: 'vip', accountId: '1', consumer: { avatarUrl: 'https://cdn.example.org/a.png' } }
  expect(findingsOf(() => parseJsonForm(form))?.map(({ path }) => path)).toEqual([
    'accountId',
    'consumer.avatarUrl',
  ])
})

test.each<[string, FormBody]>([
  [
    'JSON',
    asJson(JSON.stringify({ route: 'vip', consumer: { firstName: 'Ana\u202e' }, message: 'a\n\u0000b' })),
  ],
  ['fields', asFields('route=vip&consumer.firstName=Ana%E2%80%AE&message=a%0A%00b')],
])('control and bidi-override characters are removed from %s, with a warning', (_, body) => {
  expect(parseForm(body)).toMatchObject({
    request: { consumer: { firstName: 'Ana' }, message: 'a\nb' },
    warnings: [{ path: 'consumer.firstName' }, { path: 'message' }],
  })
})

describe('the challenge', () => {
  test.each(['h-captcha-response', 'cf-turnstile-response', 'g-recaptcha-response'])(
    'in %s is not part of the request',
    (field) => {
      const expected = { request: { route: 'vip' }, challenge: { field, token: 'solved' }, warnings: [] }
      expect(parseJsonForm({ route: 'vip', [field]: 'solved' })).toEqual(expected)
      expect(parseFields(`${field}=solved&route=vip`)).toEqual(expected)
    },
  )

  test('is hCaptcha’s if its widget fills in reCAPTCHA’s field too', () => {
    const fields = { 'g-recaptcha-response': 'copy', 'h-captcha-response': 'solved' }
    expect(parseJsonForm({ route: 'vip', ...fields })).toEqual({
      request: { route: 'vip' },
      challenge: { field: 'h-captcha-response', token: 'solved' },
      warnings: [],
    })
  })

  test('is the first that is not empty', () => {
    const fields = {
      'h-captcha-response': null,
      'cf-turnstile-response': '',
      'g-recaptcha-response': 'solved',
    }
    expect(parseJsonForm({ route: 'vip', ...fields })).toEqual({
      request: { route: 'vip' },
      challenge: { field: 'g-recaptcha-response', token: 'solved' },
      warnings: [],
    })
  })

  test('is missing if its field is empty in a URL-encoded form', () => {
    expect(parseFields('cf-turnstile-response=&route=vip').challenge).toBeUndefined()
  })

  test.each<[string, unknown]>([
    ['an object', {}],
    ['a list', ['solved']],
    ['a number', 5],
    ['too long', 'x'.repeat(8193)],
  ])('that is %s is refused', (_, token) => {
    expect(findingsOf(() => parseJsonForm({ route: 'vip', 'cf-turnstile-response': token }))).toEqual([
      { path: 'cf-turnstile-response', message: 'must be a string of at most 8192 characters' },
    ])
  })

  test('may have 8192 characters', () => {
    const token = 'x'.repeat(8192)
    expect(parseJsonForm({ route: 'vip', 'cf-turnstile-response': token }).challenge?.token).toBe(token)
  })
})
