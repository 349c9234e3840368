import { describe, expect, test } from 'vitest'
import { parseTemplate, resolveTemplate, type Template } from '../../tools/template.ts'

const templateOf = (properties: object, more: object = {}): Template =>
  parseTemplate({
    Parameters: { Name: { Type: 'String', Default: '', Description: 'A name' } },
    Conditions: {
      HasName: { 'Fn::Not': [{ 'Fn::Equals': [{ Ref: 'Name' }, ''] }] },
      IsAny: { 'Fn::Or': [{ Condition: 'IsOff' }, { Condition: 'IsOn' }] },
      IsOn: { 'Fn::Equals': ['on', 'on'] },
      IsOff: { 'Fn::Not': [{ Condition: 'IsOn' }] },
      IsBoth: { 'Fn::And': [{ Condition: 'IsOn' }, { Condition: 'IsOff' }] },
      IsTrue: { 'Fn::Equals': [true, 'true'] },
    },
    Resources: { Queue: { Type: 'AWS::SQS::Queue', Properties: properties }, ...more },
    Outputs: { On: { Condition: 'IsOn', Value: 1 }, Off: { Condition: 'IsOff', Value: 2 } },
  })

const propertiesOf = (template: Template, decided = {}) =>
  resolveTemplate(template, decided).Resources.Queue?.Properties

describe('a resolved template', () => {
  const nothing = { Ref: 'AWS::NoValue' }

  test.each<[string, unknown, unknown]>([
    ['decides what is on', { 'Fn::If': ['IsOn', 'yes', 'no'] }, 'yes'],
    ['decides what is off', { 'Fn::If': ['IsOff', 'yes', 'no'] }, 'no'],
    ['needs all parts of a condition', { 'Fn::If': ['IsBoth', 'yes', 'no'] }, 'no'],
    ['compares as texts', { 'Fn::If': ['IsTrue', 'yes', 'no'] }, 'yes'],
    [
      'decides inside a decision',
      { 'Fn::If': ['IsOn', { a: { 'Fn::If': ['IsOff', 1, 2] } }, 'no'] },
      { a: 2 },
    ],
    ['leaves items out', [{ 'Fn::If': ['IsOn', nothing, 1] }, 2], [2]],
    ['keeps other functions', { 'Fn::GetAtt': ['Queue', 'Arn'] }, { 'Fn::GetAtt': ['Queue', 'Arn'] }],
    ['needs one part of an alternative', { 'Fn::If': ['IsAny', 'yes', 'no'] }, 'yes'],
    ['takes the default of a parameter', { a: { Ref: 'Name' } }, { a: '' }],
    ['decides by a parameter', { 'Fn::If': ['HasName', 'yes', 'no'] }, 'no'],
    ['joins texts', { 'Fn::Join': ['/', ['a', { Ref: 'Name' }, 'b']] }, 'a//b'],
    ['keeps other joins', { 'Fn::Join': ['', [{ Ref: 'Queue' }]] }, { 'Fn::Join': ['', [{ Ref: 'Queue' }]] }],
    ['keeps other references', { Ref: 'Queue' }, { Ref: 'Queue' }],
  ])('%s', (_, value, expected) => {
    expect(propertiesOf(templateOf({ value }))).toEqual({ value: expected })
  })

  test('leaves properties, resources and outputs out', () => {
    const off = { Off: { Type: 'AWS::SNS::Topic', Condition: 'IsOff' } }
    const { Resources, Outputs } = resolveTemplate(templateOf({ none: nothing }, off))
    expect(Resources.Queue?.Properties).toEqual({})
    expect(Object.keys(Resources)).toEqual(['Queue'])
    expect(Object.keys(Outputs)).toEqual(['On'])
  })

  test('can be asked what would be, if a condition were decided otherwise', () => {
    const template = templateOf({ value: { 'Fn::If': ['IsOff', 'yes', 'no'] } })
    expect(propertiesOf(template, { IsOn: false })).toEqual({ value: 'yes' })
  })

  test('refuses a condition that nobody declared, and a function that is not known', () => {
    expect(() => resolveTemplate(templateOf({ a: { 'Fn::If': ['IsMissing', 1, 2] } }))).toThrow('IsMissing')
    const unknown = parseTemplate({
      Conditions: { A: { 'Fn::Xor': [] } },
      Resources: { Topic: { Type: 'AWS::SNS::Topic', Condition: 'A' } },
      Outputs: {},
    })
    expect(() => resolveTemplate(unknown)).toThrow("The condition function Fn::Xor isn't known here")
  })
})
