import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { maskPath, toSafePath } from '../../../lib/errors/mask.ts'

describe('maskPath', () => {
  test.each([
    ['nothing', [], ''],
    ['a member', ['consumer', 'firstName'], 'consumer.firstName'],
    ['an index', ['engagementAttributes', 0, 'type'], 'engagementAttributes.0.type'],
    ['an email address', ['consumer', 'ana@example.org'], 'consumer.(masked)'],
    ['a phone number', ['consumer', '4533112233'], 'consumer.(masked)'],
    ['a name with a dot', ['ana.berg', 'x'], '(masked).x'],
    ['a name with a space', ['Ana Berg'], '(masked)'],
    ['a name in other letters', ['Zoë'], '(masked)'],
    ['an empty name', ['a', ''], 'a.(masked)'],
    ['64 characters', ['a'.repeat(64)], 'a'.repeat(64)],
    ['65 characters', ['a'.repeat(65)], '(masked)'],
    ['a line break', ['a\n'], '(masked)'],
  ])('%s', (_, path, expected) => {
    expect(maskPath(path)).toBe(expected)
  })
})

describe('toSafePath', () => {
  test.each([
    ['the whole input', { path: '' }, ''],
    ['a path without unsafe names', { path: 'consumer.email' }, 'consumer.email'],
    ['a path without a masked path', { path: 'consumer.ana@example' }, 'consumer.(masked)'],
    [
      'a path and its masked path',
      { path: 'consumer.ana.berg', maskedPath: 'consumer.(masked)' },
      'consumer.(masked)',
    ],
  ])('%s', (_, finding, expected) => {
    expect(toSafePath({ ...finding, message: 'is wrong' })).toBe(expected)
  })

  test('is at most 200 safe characters for any path', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 2000 }), (path) => {
        expect(toSafePath({ path, message: '' })).toMatch(/^[A-Za-z0-9_.()-]{0,200}$/)
      }),
    )
  })
})
