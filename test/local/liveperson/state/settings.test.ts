import { expect, test } from 'vitest'
import { changeSettings, defaultSettings } from '../../../../local/liveperson/state/settings.ts'

test('changes are applied, and null stands for undefined', () => {
  const settings = defaultSettings('strict')
  settings.conversationLimit = 100
  expect(changeSettings(settings, { mode: 'lenient', conversationLimit: null })).toBeUndefined()
  expect(settings).toEqual({ ...defaultSettings('lenient'), conversationLimit: undefined })
})

test('a limit on creates is applied, and null removes it', () => {
  const settings = defaultSettings('strict')
  const createLimit = { perSecond: 0.5, burst: 2, retryAfter: 20 }
  expect(changeSettings(settings, { createLimit })).toBeUndefined()
  expect(settings.createLimit).toEqual(createLimit)
  expect(changeSettings(settings, { createLimit: null })).toBeUndefined()
  expect(settings.createLimit).toBeUndefined()
})

test.each([
  ['an array', []],
  ['an unknown setting', { colour: 'red' }],
  ['an inherited name', { toString: 'strict' }],
  ['an unknown mode', { mode: 'loose' }],
  ['a limit of 0', { sendLimit: 0 }],
  ['a limit on creates without a burst', { createLimit: { perSecond: 1 } }],
  ['a limit on creates with a rate of 0', { createLimit: { perSecond: 0, burst: 1 } }],
  ['a limit on creates with a burst of 0', { createLimit: { perSecond: 1, burst: 0 } }],
  ['a limit on creates with an unknown member', { createLimit: { perSecond: 1, burst: 1, per: 'minute' } }],
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
