import { expect, test } from 'vitest'
import { loadFixture } from '../../../../local/liveperson/state/account.ts'

test('each call returns new objects', () => {
  expect(loadFixture()[0]).not.toBe(loadFixture()[0])
  expect(loadFixture().map(({ accountId }) => accountId)).toEqual(['70123456', '70999999'])
})

test('a fixture of another shape is refused, and the error names what is wrong', () => {
  expect(() => loadFixture(new URL('../../../../package.json', import.meta.url))).toThrow(
    'accounts is missing',
  )
})
