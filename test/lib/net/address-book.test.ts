import { expect, test } from 'vitest'
import { createAddressBook } from '../../../lib/net/address-book.ts'

const create = () => {
  const asked: string[] = []
  const find = createAddressBook((address) => {
    asked.push(address)
    return new URL(address).protocol === 'https:'
  })
  return { find, asked }
}

test('an address that may be called is parsed, and asked about once', () => {
  const { find, asked } = create()
  expect(find('https://example.com/a?b=c')?.pathname).toBe('/a')
  expect(find('https://example.com/a?b=c')).toBe(find('https://example.com/a?b=c'))
  expect(asked).toEqual(['https://example.com/a?b=c'])
})

test('another one is refused each time', () => {
  const { find, asked } = create()
  for (let time = 0; time < 2; time++) expect(find('http://example.com/')).toBeUndefined()
  expect(asked).toHaveLength(2)
  expect(() => find('no address')).toThrow(TypeError)
})

test('of many addresses, at most 1,000 are remembered', () => {
  const { find, asked } = create()
  for (let index = 0; index <= 1000; index++) find(`https://example.com/${index}`)
  expect(find('https://example.com/1000')?.pathname).toBe('/1000')
  expect(asked).toHaveLength(1001)
  find('https://example.com/0')
  expect(asked).toHaveLength(1002)
})
