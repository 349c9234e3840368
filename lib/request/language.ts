/** A language in the form that LivePerson accepts, if there is one, and what was left out. */
export interface Language {
  /** The tag's language, script and region in their canonical case. */
  readonly language: string | undefined
  /** A sentence without its subject, for a warning. Undefined if nothing was left out. */
  readonly leftOut: string | undefined
}

const MAX_LENGTH = 256

/** The first three parts of a language tag, and the variants, extensions and private use behind them. */
const TAG =
  /^([a-z]{2,3}(?:-[a-z]{3}){0,3})(-[a-z]{4})?(-(?:[a-z]{2}|\d{3}))?((?:-(?:[a-z\d]{5,8}|\d[a-z\d]{3}))*(?:-[a-wyz\d](?:-[a-z\d]{2,8})+)*(?:-x(?:-[a-z\d]{1,8})+)?)$/i

/**
 * Well-formed tags without a language: private and grandfathered ones, and words of four to eight letters. No
 * such word is registered as a language. `null` and `POSIX` are among them.
 */
const OTHER_TAG =
  /^(?:[a-z]{4,8}(?:-[a-z\d]{1,8})*|x(?:-[a-z\d]{1,8})+|en-gb-oed|i-(?:ami|bnn|default|enochian|hak|klingon|lux|mingo|navajo|pwn|tao|tay|tsu)|sgn-(?:be-fr|be-nl|ch-de))$/i

/**
 * Returns the part of a browser's language that LivePerson gets. Nobody can correct what a browser sends, so
 * no language is an error. Java and Android write `_` for `-`.
 *
 * @see https://www.rfc-editor.org/rfc/rfc5646#section-2.1
 */
export const readLanguage = (tag: unknown): Language => {
  const text =
    typeof tag === 'string' && tag.length <= MAX_LENGTH && tag !== 'NaN' ? tag.replaceAll('_', '-') : ''
  const [, language = '', script = '', region = '', rest = ''] = TAG.exec(text) ?? []
  if (language === '')
    return {
      language: undefined,
      leftOut: OTHER_TAG.test(text)
        ? 'is not a language such as en-GB, so it was left out'
        : 'is not a well-formed language tag such as en-GB, so it was left out',
    }
  return {
    language: language.toLowerCase() + toTitleCase(script) + region.toUpperCase(),
    leftOut:
      rest === ''
        ? undefined
        : 'had more than a language, a script and a region. The other parts were left out',
  }
}

const toTitleCase = (script: string) => script.slice(0, 2).toUpperCase() + script.slice(2).toLowerCase()

/** Returns a language and a country, such as `pt-br` or `PT_BR`, in their one spelling: `pt-BR`. */
export const toLanguageAndCountry = (tag: string): string =>
  `${tag.slice(0, 2).toLowerCase()}-${tag.slice(3).toUpperCase()}`
