import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readPlacedJson } from '../../tools/json-places.ts'

/** Calls back with each member and item, and its dotted path. */
const walk = (value: unknown, path: string, visit: (path: string, value: unknown) => void): void => {
  if (path !== '') visit(path, value)
  if (typeof value !== 'object' || value === null) return
  for (const [name, member] of Object.entries(value))
    walk(member, path === '' ? name : `${path}.${name}`, visit)
}

const json = fc.json({ stringUnit: fc.constantFrom('a', 'b', '"', 'é', '1', ' ') })

test('any JSON has no mistake, the value that JSON.parse returns, and every member in its place', () => {
  let members = 0
  fc.assert(
    fc.property(json, fc.constantFrom(undefined, 2), (compact, indent) => {
      // No stage file has an empty name, whose path would be that of what is around it.
      fc.pre(!compact.includes('"":'))
      const value = JSON.parse(compact)
      const text = JSON.stringify(value, undefined, indent)
      const read = readPlacedJson(text)
      expect(read.mistakes).toEqual([])
      expect(JSON.stringify(read.value)).toBe(JSON.stringify(value))
      const lines = text.split('\n')
      walk(value, '', (path, member) => {
        members++
        const { place, source = '' } = read.find(path) ?? {}
        expect(JSON.parse(source)).toEqual(member)
        const rest = lines.slice((place?.line ?? 0) - 1).join('\n')
        expect(rest.slice((place?.column ?? 0) - 1).startsWith(source)).toBe(true)
      })
    }),
    { numRuns: 200 },
  )
  expect(members).toBeGreaterThan(200)
})

describe('a path that does not exist', () => {
  const { find, placeOf } = readPlacedJson('{\n  "a": { "b.c": [1, {}] }\n}')

  test.each([
    ['', { line: 1, column: 1 }],
    ['a', { line: 2, column: 3 }],
    ['a.b.c', { line: 2, column: 10 }],
    ['a.b.c.0', { line: 2, column: 18 }],
    ['a.b.c.1.x', { line: 2, column: 21 }],
    ['a.x.y', { line: 2, column: 3 }],
    ['x', { line: 1, column: 1 }],
  ])('%s has the place of what is around it', (path, place) => {
    expect(placeOf(path)).toEqual(place)
  })

  test('is not found', () => {
    expect(find('a.x')).toBeUndefined()
    expect(find('a.b.c.1')).toMatchObject({ type: 'object', source: '{}' })
  })
})

test.each([
  ['[1 2]', [1, 2]],
  ['[1, 2,]', [1, 2]],
  ['[1] // one', [1]],
])('%s is read in spite of its mistake', (text, value) => {
  const read = readPlacedJson(text)
  expect(read.mistakes).toHaveLength(1)
  expect(read.value).toEqual(value)
})

test.each(['', '[1', '{"a": tru}', '["a\n"]', '{"a" 1}'])('%j has no value', (text) => {
  const read = readPlacedJson(text)
  expect(read.mistakes.length).toBeGreaterThan(0)
  expect(read.value).toBeUndefined()
})
