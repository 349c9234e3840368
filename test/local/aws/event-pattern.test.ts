import { expect, test } from 'vitest'
import { matchesPattern, PatternError } from '../../../local/aws/event-pattern.ts'

const EVENT = { source: 'a', detail: { status: 'opened', code: '' }, resources: ['arn:x', 'arn:table/state'] }

test.each<[object, boolean]>([
  [{}, true],
  [{ source: ['a'] }, true],
  [{ source: ['b', 'a'] }, true],
  [{ source: ['b'] }, false],
  [{ source: ['a'], detail: { status: ['failed'] } }, false],
  [{ detail: { status: [{ prefix: 'op' }] } }, true],
  [{ detail: { status: [{ prefix: 'pe' }] } }, false],
  [{ resources: [{ suffix: ':table/stat' }] }, false],
  [{ resources: [{ suffix: ':table/state' }] }, true],
  [{ detail: { status: [{ 'anything-but': 'opening' }] } }, true],
  [{ detail: { status: [{ 'anything-but': ['opening', 'opened'] }] } }, false],
  // A member that is missing is no other text.
  [{ detail: { missing: [{ 'anything-but': 'x' }] } }, false],
  [{ detail: { missing: [{ exists: false }] } }, true],
  [{ detail: { code: [{ exists: true }] } }, true],
  [{ other: { member: ['x'] } }, false],
])('%j matches: %s', (pattern, expected) => {
  expect(matchesPattern(pattern, EVENT)).toBe(expected)
})

test.each([[[]], ['text'], [{ source: 'a' }], [{ source: [{ numeric: ['>', 1] }] }]])(
  'the pattern %j is refused',
  (pattern) => {
    expect(() => matchesPattern(pattern, EVENT)).toThrow(PatternError)
  },
)
