import { expect, test } from 'vitest'
import { changeSettings, defaultSettings } from '../../../../local/liveperson/state/settings.ts'

test('changes are applied, and null stands for undefined', () => {
  const settings = defaultSettings('strict')
  settings.conversationLimit = 100
  expect(changeSettings(settings, { mode: 'lenient', conversationLimit: null })).toBeUndefined()
  expect(settings).toEqual({ ...defaultSettings('lenient'), conversationLimit: undefined })
})

test.each([
  ['an array', []],
  ['an unknown setting', { colour: 'red' }],
  ['an inherited name', { toString: 'strict' }],
  ['an unknown mode', { mode: 'loose' }],
  ['a limit of 0', { sendLimit: 0 }],
  ['null for a setting that needs a value', { oneOpenConversation: null }],
])('%s is refused', (_, changes) => {
  expect(changeSettings(defaultSettings('strict'), changes)).toEqual(expect.any(String))
})

test('one invalid change prevents the others', () => {
  const settings = defaultSettings('strict')
  expect(changeSettings(settings, { mode: 'lenient', sendLimit: -1 })).toBe(
    'settings.sendLimit must be a positive integer',
  )
  expect(settings).toEqual(defaultSettings('strict'))
})
