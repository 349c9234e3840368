import { expect, test } from 'vitest'
import {
  boolean,
  type Check,
  integer,
  list,
  number,
  object,
  oneOf,
  pattern,
  text,
  url,
} from '../../../../local/liveperson/json/check.ts'

const person = object({ name: text, age: integer }, { required: ['name'] })
const closed = object({ name: text }, { closed: true })

test.each<[string, Check, unknown]>([
  ['text', text, ''],
  ['a URL', url, 'https://cdn.example.org/a.png'],
  ['a number', number, 1.5],
  ['an integer', integer, -1],
  ['a boolean', boolean, false],
  ['a string that matches', pattern(/^[A-Z]{2}$/), 'DK'],
  ['one of the values', oneOf('a', null), null],
  ['an empty list', list(text), []],
  ['an object with an unknown member', person, { name: 'Ana', shoe: 38 }],
  ['a closed object', closed, {}],
])('%s is valid', (_, check, value) => {
  expect(check(value, 'value')).toBeUndefined()
})

test.each<[string, Check, unknown, string]>([
  ['a number instead of text', text, 1, 'value must be a string'],
  ['a relative URL', url, 'a.png', 'value must be a URL'],
  ['a fraction', integer, 1.5, 'value must be an integer'],
  ['a text boolean', boolean, 'true', 'value must be true or false'],
  ['a string that does not match', pattern(/^[A-Z]{2}$/), 'dk', 'value must be a string like ^[A-Z]{2}$'],
  ['another value', oneOf('a', 'b'), 'c', 'value must be one of a, b'],
  ['an object instead of a list', list(text), {}, 'value must be an array'],
  ['an invalid element', list(text), ['a', 1], 'value[1] must be a string'],
  ['null', person, null, 'value must be an object'],
  ['a missing member', person, { age: 1 }, 'value.name is missing'],
  ['an invalid member', person, { name: 'Ana', age: '34' }, 'value.age must be an integer'],
  ['an unknown member of a closed object', closed, { shoe: 38 }, 'value.shoe is unknown'],
  ['an inherited name in a closed object', closed, { toString: 'a' }, 'value.toString is unknown'],
])('the problem of %s is named with its path', (_, check, value, problem) => {
  expect(check(value, 'value')).toBe(problem)
})
