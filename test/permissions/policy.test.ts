import { describe, expect, test } from 'vitest'
import { type Call, isAllowed, type Permission } from './policy.ts'

const TABLE = 'arn:aws:dynamodb:eu-west-1:000000000000:table/state'
const permission = (more: Partial<Permission> = {}): Permission => ({
  role: 'Door',
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
    ['by the pattern of its key', [permission({ leadingKeys: ['request#*'] })], call()],
    [
      'by several patterns together',
      [permission({ leadingKeys: ['request#*'] }), permission({ leadingKeys: ['domains#*'] })],
      call({ leadingKeys: ['request#1', 'domains#1'] }),
    ],
  ])('%s', (_, permissions, made) => {
    expect(isAllowed(permissions, made)).toBe(true)
  })
})

describe('a call is refused', () => {
  test.each<[string, readonly Permission[], Call]>([
    ['without any permission', [], call()],
    ['of another role', [permission()], call({ role: 'Other' })],
    ['of another action', [permission()], call({ action: 'dynamodb:PutItem' })],
    ['on another table', [permission()], call({ resource: `${TABLE}s` })],
    ['with a key that no pattern matches', [permission({ leadingKeys: ['domains#*'] })], call()],
    [
      'with one key of several that no pattern matches',
      [permission({ leadingKeys: ['request#*'] })],
      call({ leadingKeys: ['request#1', 'domains#1'] }),
    ],
  ])('%s', (_, permissions, made) => {
    expect(isAllowed(permissions, made)).toBe(false)
  })
})
