import { expect, test } from 'vitest'
import { toOutcomeBody } from '../../../functions/http/outcome.ts'

const WARNING = { path: 'consumer.firstName', message: 'had control characters' }
const OPENED = { status: 'opened', conversationId: 'c-1' } as const

test('an outcome without warnings has no such member', () => {
  expect(toOutcomeBody(OPENED, [])).toEqual(OPENED)
})

test('what was left out of the request is a warning', () => {
  expect(toOutcomeBody(OPENED, [WARNING])).toEqual({ ...OPENED, warnings: [WARNING] })
})

test('so is a language that LivePerson refused', () => {
  expect(toOutcomeBody({ ...OPENED, languageRefused: true, profileRefused: true }, [WARNING])).toEqual({
    ...OPENED,
    warnings: [
      WARNING,
      { path: 'context.lang', message: 'was refused by LivePerson, so it was left out' },
      { path: 'consumer', message: 'was refused by LivePerson, so agents see no profile' },
    ],
  })
})

test('so is a profile that LivePerson refused', () => {
  expect(toOutcomeBody({ ...OPENED, profileRefused: true }, [WARNING])).toEqual({
    ...OPENED,
    warnings: [WARNING, { path: 'consumer', message: 'was refused by LivePerson, so agents see no profile' }],
  })
})
