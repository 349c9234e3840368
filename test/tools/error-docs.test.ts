import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { CODES, isCode } from '../../lib/errors/codes.ts'
import { toErrorDocs } from '../../tools/error-docs.ts'

const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')

test('docs/errors.md is what `npm run docs:errors` writes', () => {
  expect(page).toBe(toErrorDocs())
})

test('prose is wrapped at 110 columns', () => {
  const prose = page.split('\n').filter((line) => !line.startsWith('|'))
  expect(prose.filter((line) => line.length > 110)).toEqual([])
})

describe.each(Object.keys(CODES).filter(isCode))('%s', (code) => {
  test('has a row and a section', () => {
    const { httpStatus } = CODES[code]
    expect(page).toContain(`| [\`${code}\`](#${code}) | ${httpStatus} |`)
    expect(page).toContain(`\n### ${code}\n\n**${httpStatus} `)
  })
})
