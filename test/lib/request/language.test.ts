import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readLanguage, toLanguageAndCountry } from '../../../lib/request/language.ts'

describe('the language of a browser', () => {
  test.each([
    ['en-GB', 'en-GB'],
    ['en-gb', 'en-GB'],
    ['EN_us', 'en-US'],
    ['de', 'de'],
    ['es-419', 'es-419'],
    ['zh-hant-tw', 'zh-Hant-TW'],
    ['sr_latn', 'sr-Latn'],
    ['zh-cmn-Hans-CN', 'zh-cmn-Hans-CN'],
    ['fil-PH', 'fil-PH'],
    ['nan-TW', 'nan-TW'],
  ])('%s is sent as %s', (tag, language) => {
    expect(readLanguage(tag)).toEqual({ language, leftOut: undefined })
  })

  test.each([
    ['en-US-u-mu-celsius', 'en-US'],
    ['en-US-u-hc-h12-x-private', 'en-US'],
    ['de-1996', 'de'],
    ['sl-IT-rozaj-biske-1994', 'sl-IT'],
    ['ca-ES-valencia', 'ca-ES'],
    ['th-t-d0-ascii', 'th'],
    ['ar-x-a', 'ar'],
  ])('%s is sent as %s, and the rest is left out', (tag, language) => {
    expect(readLanguage(tag)).toEqual({
      language,
      leftOut: 'had more than a language, a script and a region. The other parts were left out',
    })
  })

  test('is sent if its tag has at most 256 characters', () => {
    const tag = `en-US${'-abcdefgh'.repeat(27)}-abcdefg`
    expect(tag).toHaveLength(256)
    expect(readLanguage(tag).language).toBe('en-US')
    expect(readLanguage(`${tag}h`).language).toBe(undefined)
  })

  test.each([
    ...['x-whatever', 'i-klingon', 'en-GB-oed', 'sgn-BE-FR', 'I-DEFAULT', 'qaaa', 'english', 'null'],
    ...['None', 'POSIX', 'under_score', 'Deutsch', 'none-GB'],
  ])('%s is no language that LivePerson takes', (tag) => {
    expect(readLanguage(tag)).toEqual({
      language: undefined,
      leftOut: 'is not a language such as en-GB, so it was left out',
    })
  })

  test.each<unknown>([
    ...[
      '',
      '-',
      'e',
      'en-',
      '-en',
      'en--GB',
      'en-GB-',
      'en GB',
      'en-GB;q=0.8',
      'en,de',
      'en_US.UTF-8',
      'C',
      '*',
    ],
    ...[
      'en-u',
      'en-x',
      'abcdefghi',
      'en-abcdefghi',
      'zh_CN_#Hans',
      'én',
      'en-GB\n',
      `en-x${'-a'.repeat(200)}`,
    ],
    'NaN',
    5,
    true,
    { toString: 0 },
    ['en'],
  ])('%j is not well-formed', (tag) => {
    expect(readLanguage(tag)).toEqual({
      language: undefined,
      leftOut: 'is not a well-formed language tag such as en-GB, so it was left out',
    })
  })

  test('is read the same again once it is canonical, and whatever the case', () => {
    const tag = fc.stringMatching(/^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|\d{3}))?$/)
    fc.assert(
      fc.property(tag, (value) => {
        expect(readLanguage(value)).toEqual({ language: value, leftOut: undefined })
        for (const other of [value.toUpperCase(), value.toLowerCase(), value.replaceAll('-', '_')])
          expect(readLanguage(other)).toEqual(readLanguage(value))
      }),
      { numRuns: 1000 },
    )
  })

  // If the pattern were ambiguous, this test would not end in its time.
  test('is not sent if its tag is hostile', () => {
    const tags = ['a-'.repeat(100_000), `en${'-abcde'.repeat(40)}!`, `en${'-u-aa'.repeat(50)}!`]
    expect(tags.map((tag) => readLanguage(tag).language)).toEqual([undefined, undefined, undefined])
  })
})

test.each([
  ['pt-br', 'pt-BR'],
  ['PT_br', 'pt-BR'],
  ['en-GB', 'en-GB'],
])('the language and country %s are written %s', (tag, expected) => {
  expect(toLanguageAndCountry(tag)).toBe(expected)
})
