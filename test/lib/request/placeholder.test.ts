import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isPlaceholder } from '../../../lib/request/placeholder.ts'

const NIL = '00000000-0000-0000-0000-000000000000'

describe('an id is a placeholder if it is', () => {
  test.each([
    ...['undefined', 'null', 'None', 'NaN', '[object Object]', '0', NIL],
    ...['NULL', 'Undefined', 'UNDEFINED', 'nil', 'none', 'nan', 'N/A', '(null)', '<nil>', '<null>', '[null]'],
    ...['[object Undefined]', 'false', 'True', 'Infinity', '-Infinity', '"null"', 'null.', '#null'],
    ...['00', '-0', '0.0', '0,00', '00000000', `{${NIL}}`, '0'.repeat(32)],
    ...['crm-undefined', 'contact:null', 'lead_None', 'user/NaN', 'crm|[object Object]', 'crm.undefined'],
    ...[
      'crm-NULL',
      'crm-none',
      'crm-nil',
      'crm-<nil>',
      'crm-(null)',
      'crm-"null"',
      'acme-(Null)',
      'crm=null',
    ],
    ...['crm-nan', 'crm.null', 'crm-N/A', 'acme-n/a', 'user-false', 'crm null', 'acme-crm-NaN', 'a:nan'],
    ...[`crm-${NIL}`, `event_${NIL}`, `urn:uuid:${NIL}`, `crm-{${NIL}}`, `crm:${'0'.repeat(32)}`],
    ...['crm-0', 'crm_0', 'contact:000', 'customer/0.0', 'eu-account-0'],
    ...[
      'crm-',
      'crm-\u200b',
      'crm:',
      'crm_',
      'acme-',
      'acme:',
      'google-oauth2|',
      'nu\u200bll',
      'eu1-crm-',
      'customer--',
    ],
    ...[
      'undefinedundefined',
      'nullnullnull',
      'NaNNaN',
      'undefined undefined',
      'null null',
      'undefined-undefined-crm',
    ],
    ...[
      'null_null',
      'undefined,undefined',
      '[object Object],[object Object]',
      'crmundefined',
      'crm-undefined!',
    ],
    ...['%!s(<nil>)', '%!d(string=)', 'crm-%!v(MISSING)', '#N/A', '#REF!', '#VALUE!', '#NAME?', 'crm-#N/A'],
    ...[
      '{}',
      '[]',
      '()',
      '""',
      '-',
      '--',
      '...',
      '?',
      '*',
      '#',
      '\u200b',
      '\u200b\u2060',
      '\u00ad',
      '\ufe0f',
    ],
    ...[
      '{{contact.id}}',
      'crm-{{ id }}',
      `\${id}`,
      '#{user.id}',
      '<%= id %>',
      '%%CustomerId%%',
      '*|UNIQID|*',
    ],
    ...['{!Contact.Id}', '{$id}', '[[id]]', '{contact_id}', '%ID%', '<id>', '@{triggerBody}', '[contact_id]'],
    ...['{{ id', `\${id`, '<%= id', '[[id', 'crm-{{id'],
    ...['crm-{contact_id}', 'crm:{id}', 'crm-%ID%', 'crm-<id>', 'crm-[id]', 'crm-$id', 'crm:@ContactId'],
    ...['acme:0', 'null-undefined-ana'],
    ...['null-crm', 'undefined_contact', 'crm-null-contact', '0-crm', 'Invalid Date', 'crm-System.Object'],
    ...['@id', '@ContactId', ':id', '$id', '$contact.id', ':contact_id', '@Model.ID'],
  ])('%s', (id) => {
    expect(isPlaceholder(id)).toBe(true)
  })
})

describe('an id is no placeholder if it is', () => {
  test.each([
    ...['crm-20731', '20731', '10', '0x0', '1.0', '-1', 'zero', '003AA000000001AAAA', 'null-island'],
    ...['Nullmeyer', 'nonesuch', 'jennifer.null', 'undefined-behaviour', 'nan-desu', 'nancy', 'nilsson'],
    // Names of people, as consumer tokens may have them.
    ...['Nan', 'Nil', 'Null', 'Ana.Nil', 'yi-nan', 'li_nan', 'xiao.nan', 'Christopher.Null', 'Ana-Nil'],
    ...['ana_', '@ana', '@david', '$ana', ':ana', 'ana.', 'True Blue', 'falsehood', 'Nana', 'NaNa', 'Nilnil'],
    ...[
      '00000000-0000-4000-8000-000000000000',
      '{3f0a6a52-8a4e-4c1e-9a53-0c6f7f5f2b11}',
      '100%',
      'a{b}',
      'é',
    ],
    ...['3f0a6a52-8a4e-4c1e-9a53-000000000000', '00000000-0000-0000-0000-000000000001', 'AAAA0000'],
    ...['eu1:0', '1eu:0'],
    ...['shop-1-0', '2026-0', 'run-2026-11-23T09:30:00', 'orders/2026/0', 'batch-0', 'import_0', 'ana-0'],
    ...[
      'ana@example.org',
      'google-oauth2|1034',
      'request-null-4711',
      'a%20b',
      'Ys3uZ9uORnKuTnzTPd7KX-',
      '你',
      '🦊',
    ],
    ...['crm-{3f0a6a52-8a4e-4c1e-9a53-0c6f7f5f2b11}', 'crm-$anaid', 'crm-@ana', 'client-user', 'crm-%20b'],
    ...['crm-none-such', 'crm-10', 'crm-100', 'crm-00042', 'https://id.example.com/ana', ''],
  ])('%s', (id) => {
    expect(isPlaceholder(id)).toBe(false)
  })

  test('a random id', () => {
    const prefix = fc.constantFrom('', 'crm-', 'contact:', 'user_')
    const id = fc.oneof(
      fc.uuid(),
      fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }).map(String),
      fc.stringMatching(/^[0-9A-HJKMNP-TV-Z]{26}$/),
      fc.stringMatching(/^[A-Za-z0-9_-]{21}[A-Za-z0-9]$/),
      fc.stringMatching(/^[a-z][a-z0-9+.]{0,9}@[a-z]{1,9}\.org$/),
      fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    )
    fc.assert(
      fc.property(prefix, id, (start, text) => {
        expect(isPlaceholder(start + text)).toBe(false)
      }),
      { numRuns: 5000 },
    )
  })
})

test('an expression is found wherever it is in an id', () => {
  const expression = /\{\{|[$#@!%]\{|\{[!$]|<%|%%[^%]+%%|\*\||\[\[|^%\w+%$/i
  const parts = fc.constantFrom(...'{}$#@!%<>*|[]a1. ')
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

// If a pattern were ambiguous, this test would not end in its time.
test('a hostile id is a placeholder or not', () => {
  const isDecided = (id: string) => expect(typeof isPlaceholder(id)).toBe('boolean')
  for (const part of [
    '[[',
    '%%',
    '-',
    'undefined',
    'null ',
    '{',
    '<',
    '(',
    '"',
    '\u200b',
    '0',
    '0-',
    '%!',
    '#',
  ])
    for (const end of ['', '!', 'x']) isDecided(part.repeat(256).slice(0, 255) + end)
  for (const part of ['[[', '%%']) expect(isPlaceholder(part.repeat(500_000))).toBe(false)
})
