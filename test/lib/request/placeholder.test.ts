import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isPlaceholder } from '../../../lib/request/placeholder.ts'

describe('an id is a placeholder if it is', () => {
  test.each([
    ...['undefined', 'null', 'None', 'NaN', '[object Object]', '0', '00000000-0000-0000-0000-000000000000'],
    ...['NULL', 'Undefined', 'nil', 'none', 'nan', 'N/A', '(null)', '<nil>', '<null>', '[object Undefined]'],
    ...['00', '-0', '0.0', '0,00', '00000000', '{00000000-0000-0000-0000-000000000000}', '0'.repeat(32)],
    ...['crm-undefined', 'contact:null', 'lead_None', 'user/NaN', 'crm|[object Object]'],
    ...[
      '{{contact.id}}',
      'crm-{{ id }}',
      `\${id}`,
      '#{user.id}',
      '<%= id %>',
      '%%CustomerId%%',
      '*|UNIQID|*',
    ],
    ...['{!Contact.Id}', '{$id}', '[[id]]', '{contact_id}', '%ID%', '<id>', '@{triggerBody}'],
  ])('%s', (id) => {
    expect(isPlaceholder(id)).toBe(true)
  })
})

describe('an id is no placeholder if it is', () => {
  test.each([
    ...['crm-20731', '20731', '10', '0x0', '1.0', '-1', 'zero', '003AA000000001AAAA', 'null-island'],
    ...[
      'Nullmeyer',
      'nonesuch',
      'jennifer.null',
      'undefined-behaviour',
      'nan-desu',
      'crm-nan',
      'nancy',
      'nilsson',
    ],
    ...[
      '00000000-0000-4000-8000-000000000000',
      '{3f0a6a52-8a4e-4c1e-9a53-0c6f7f5f2b11}',
      '100%',
      'a{b}',
      'é',
    ],
    ...['ana@example.org', 'google-oauth2|1034', 'request-null-4711', 'a%20b', 'crm_0', ''],
  ])('%s', (id) => {
    expect(isPlaceholder(id)).toBe(false)
  })
})

test('an expression is found wherever it is in an id', () => {
  const expression =
    /\{\{.*\}\}|[$#@!%]\{.*\}|\{[!$].*\}|<%.*%>|%%.+%%|\*\|.*\|\*|\[\[.*\]\]|^\{[a-z_][\w.]*\}$|^%\w+%$|^<[\w. ]+>$/i
  const parts = fc.constantFrom(...'{}$#@!%<>*|[]a1. -')
  fc.assert(
    fc.property(fc.string({ unit: parts, maxLength: 12 }), (text) => {
      // The margins keep it from being nothing, such as `0`.
      const id = `b${text}b`
      expect(isPlaceholder(id)).toBe(expression.test(id))
    }),
    { numRuns: 20_000 },
  )
})

test('a text that is longer than any id is no placeholder', () => {
  expect(isPlaceholder(`{{${'a'.repeat(252)}}}`)).toBe(true)
  expect(isPlaceholder(`{{${'a'.repeat(253)}}}`)).toBe(false)
})
