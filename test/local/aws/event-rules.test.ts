import { expect, test } from 'vitest'
import { createEventRules, EventRuleError } from '../../../local/aws/event-rules.ts'

test('a rule that is put again keeps its targets, and gets the new pattern', () => {
  const rules = createEventRules()
  const put = (source: string) =>
    rules.perform('PutRule', {
      Name: 'r',
      EventBusName: 'b',
      EventPattern: JSON.stringify({ source: [source] }),
    })
  put('x')
  rules.perform('PutTargets', { Rule: 'r', EventBusName: 'b', Targets: [{ Id: '1', Arn: 'arn:1' }] })
  put('y')
  expect(rules.targetsOf('b', { source: 'x' })).toEqual([])
  expect(rules.targetsOf('b', { source: 'y' })).toEqual(['arn:1'])
})

test('a rule that does not exist is deleted without an error, as in EventBridge', () => {
  expect(createEventRules().perform('DeleteRule', { Name: 'r' })).toEqual({})
})

test('an action that is not supported is refused', () => {
  expect(() => createEventRules().perform('PutPermission', {})).toThrow(EventRuleError)
})
