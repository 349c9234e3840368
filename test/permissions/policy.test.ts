import { describe, expect, test } from 'vitest'
import { type Call, isAllowed, type Permission } from './policy.ts'

const TABLE = 'arn:aws:dynamodb:eu-west-1:000000000000:table/state'
const permission = (more: Partial<Permission> = {}): Permission => ({
  role: 'Door',
  effect: 'Allow',
  action: 'dynamodb:GetItem',
  resource: TABLE,
  ...more,
})
const call = (more: Partial<Call> = {}): Call => ({
  role: 'Door',
  action: 'dynamodb:GetItem',
  resource: TABLE,
  leadingKeys: ['request#1'],
  ...more,
})

describe('a call is allowed', () => {
  test.each<[string, readonly Permission[], Call]>([
    ['by role, action and resource', [permission()], call()],
    ['by a resource with a wildcard', [permission({ resource: `${TABLE.slice(0, -2)}*` })], call()],
    ['by an action with a wildcard', [permission({ action: 'dynamodb:*' })], call()],
    [
      'that is denied elsewhere only',
      [permission(), permission({ effect: 'Deny', resource: `${TABLE}/*` })],
      call(),
    ],
    ['by the pattern of its key', [permission({ leadingKey: 'request#*' })], call()],
    [
      'by several patterns together',
      [permission({ leadingKey: 'request#*' }), permission({ leadingKey: 'domains#*' })],
      call({ leadingKeys: ['request#1', 'domains#1'] }),
    ],
  ])('%s', (_, permissions, made) => {
    expect(isAllowed(permissions, made)).toBe(true)
  })
})

describe('a call is refused', () => {
  test.each<[string, readonly Permission[], Call]>([
    ['without any permission', [], call()],
    [
      'that a permission denies',
      [permission({ resource: '*' }), permission({ effect: 'Deny', resource: `${TABLE}*` })],
      call(),
    ],
    ['of another role', [permission()], call({ role: 'Other' })],
    ['of another action', [permission()], call({ action: 'dynamodb:PutItem' })],
    ['on another table', [permission()], call({ resource: `${TABLE}s` })],
    ['with a key that no pattern matches', [permission({ leadingKey: 'domains#*' })], call()],
    [
      'with one key of several that no pattern matches',
      [permission({ leadingKey: 'request#*' })],
      call({ leadingKeys: ['request#1', 'domains#1'] }),
    ],
  ])('%s', (_, permissions, made) => {
    expect(isAllowed(permissions, made)).toBe(false)
  })
})
