import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseConversationRequest } from '../../../lib/request/conversation-request.ts'
import { MAX_WARNINGS, removalsIn } from '../../../lib/request/warnings.ts'
import { crmRequest } from '../../support/requests.ts'

const warningsOf = (input: unknown) => parseConversationRequest(input).warnings
const pathsOf = (input: unknown) => warningsOf(input).map(({ path }) => path)

describe('a warning', () => {
  test('names each text from which something was removed, and repeats none', () => {
    const input = {
      campaign: { campaignId: 1, engagementId: '2' },
      consumer: { firstName: 'Ana', lastName: 'Iver\u202esen', description: '\u0000' },
      engagementAttributes: [
        { type: 'ctmrinfo', info: { ctype: 'vip', role: 'buyer\u0007', balance: 5 } },
        { type: 'personal', personal: { contacts: [{ phone: '1' }, { phone: '2\u0000' }] } },
      ],
      message: 'Hello\u001b[31m\n',
    }
    expect(pathsOf(input)).toEqual([
      'consumer.lastName',
      'consumer.description',
      'engagementAttributes.0.info.role',
      'engagementAttributes.1.personal.contacts.1.phone',
      'message',
    ])
    expect(warningsOf(input)[0]).toEqual({
      path: 'consumer.lastName',
      message: 'had control or bidi-override characters, which were removed',
    })
    expect(JSON.stringify(warningsOf(input))).not.toMatch(/Iver|buyer|31m/)
  })

  test('is never more than the twentieth', () => {
    const contacts = Array.from({ length: 20 }, () => ({ email: '\u0000', phone: '\u0000' }))
    const attribute = { type: 'personal', personal: { contacts } }
    expect(warningsOf({ route: 'vip', engagementAttributes: [attribute] })).toHaveLength(20)
  })

  test('there is one for each changed text of an output, by its place in the input', () => {
    const paths = (input: unknown, parsed: unknown) => removalsIn(input, parsed).map(({ path }) => path)
    expect(paths(['a\u0007', undefined, 'b\u0007'], ['a', 'b'])).toEqual(['0', '2'])
    expect(paths([undefined, { a: 'x\u0007' }], [{ a: 'x' }])).toEqual(['1.a'])
    expect(paths({ a: 'x\u0007', b: 'y\u0007' }, { a: 'x' })).toEqual(['a'])
    expect(paths('a\u0007', 'a\u0007')).toEqual([])
    for (const [input, parsed] of [
      [['a\u0007'], { 0: 'a' }],
      [{ 0: 'a\u0007' }, ['a']],
      [{ a: 'x\u0007' }, 'x'],
    ])
      expect(paths(input, parsed)).toEqual([])
    const many = Array.from({ length: MAX_WARNINGS + 1 }, (_, index) => `${index}`)
    expect(
      paths(
        many.map((text) => `${text}\u0007`),
        many,
      ),
    ).toHaveLength(MAX_WARNINGS)
  })

  test('there is none for a request that is passed on unchanged', () => {
    fc.assert(
      fc.property(crmRequest, (request) => {
        expect(warningsOf(request)).toEqual([])
      }),
    )
  })
})
