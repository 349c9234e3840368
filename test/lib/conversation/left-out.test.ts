import { expect, test } from 'vitest'
import { leftOutOf } from '../../../lib/conversation/left-out.ts'

test('what LivePerson refused follows what this service left out', () => {
  const own = { path: 'message', message: 'had control or bidi-override characters, which were removed' }
  expect(leftOutOf([own], { profileRefused: true, languageRefused: true }).map(({ path }) => path)).toEqual([
    'message',
    'context.lang',
    'consumer',
  ])
  expect(leftOutOf([], {})).toEqual([])
})
