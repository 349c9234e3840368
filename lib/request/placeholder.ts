/**
 * What languages and serializers write for a missing value, once or several times in a row. `Nan`, `Nil` and
 * `Null` are names of people, and no template writes them like that.
 */
const NOTHING = /^(?:[Uu]ndefined|UNDEFINED|null|NULL|None|none|NONE|NaN|NAN|nil|NIL)+$/

/** What is nothing alone or after a usual prefix, but may be the end of a good id. */
const NEARLY_NOTHING = /^(?:nan|false|False|FALSE|true|True|TRUE|Infinity|0+)$/

/** What is nothing wherever it is in an id. */
const NOTHING_ANYWHERE =
  /\[object [A-Za-z]+\]|%![A-Za-z]\(|#(?:N\/A|REF!|VALUE!|NAME\?|NULL!|DIV\/0!|NUM!|ERROR!)|Invalid Date|System\.(?:Object|String|Guid|DBNull|Collections)/

/** What is nothing at the end of an id: also the nil UUID. */
const NOTHING_AT_END =
  /(?:undefined\W{0,9}|[([<{](?:null|nil|none|nan|n\/a)[)\]>}]|(?:^|[-_.:|/=#,; ])n\/a|(?:^|[^\da-z])0{8}-?(?:0{4}-?){3}0{12}[)\]>}]?)$/i

/** An expression that no template has replaced, such as `{{contact.id}}`, or its start. */
const EXPRESSION = /\{\{|[$#@!%]\{|\{[!$]|<%|%%[^%]+%%|\*\||\[\[/

/** An id that is nothing but such an expression, maybe after a prefix. */
const WHOLE_EXPRESSION = /(?:^|[-_:|/=])(?:\{[a-z_][\w.]*\}|\[[a-z_][\w. ]*\]|%[a-z_]\w*%|<[\w. ]+>)$/i

/** The name of a parameter. `@ana` and `@david` are names of people. */
const PARAMETER = /(?:^|[-_:|/=])[@:$](?:[Ii][Dd]|[A-Za-z_][\w.]*(?:Id|ID|[_.]id))$/

/** An id without a letter, a digit or a picture: brackets, quotes, or characters that nobody sees. */
const NO_CONTENT = /^(?!\s)[\p{P}\p{Zs}\p{Cf}\p{M}$+<=>^`|~]+$/u

/** An id whose number is missing, such as `crm-`. */
const ONLY_PREFIX = /[:|]$|^[A-Za-z]{1,15}[-/]+$/

const SEPARATOR = /[-_.:|/=#,;\s]/
const QUOTES = /^["'()<>[\]{}+]+|["'()<>[\]{}]+$/g

/** The prefixes that CRMs put before an id. After one of them, `nan` is no name, and `0` no index. */
const PREFIX =
  /^(?:ids?|uid|crm|crmid|contact|lead|customer|client|consumer|user|userid|person|account|member|guest|visitor|subject|sub)$/i

/** No id is longer. */
const MAX_LENGTH = 256

const PATTERNS: readonly RegExp[] = [
  ...[NOTHING_ANYWHERE, NOTHING_AT_END, EXPRESSION, WHOLE_EXPRESSION, PARAMETER, NO_CONTENT, ONLY_PREFIX],
]

/**
 * Returns whether an id is a placeholder: what a template writes for every person whose id it doesn't know.
 * Two people with the same id would share one conversation. A text of more than 256 characters is no id.
 */
export const isPlaceholder = (id: string): boolean => {
  if (id.length > MAX_LENGTH) return false
  const visible = id.replace(/\p{Cf}/gu, '')
  if (visible === '') return id !== ''
  return PATTERNS.some((pattern) => pattern.test(visible)) || hasNothingForId(visible)
}

/** Returns whether the words of an id are nothing, or the last one, which should tell people apart, is. */
const hasNothingForId = (id: string): boolean => {
  const parts = id.split(SEPARATOR).map((part) => part.replace(QUOTES, ''))
  const words = parts.filter((part) => part !== '')
  const last = words.at(-1)
  if (last === undefined) return false
  const before = words.findLast((word) => !isNothing(word))
  if (before === undefined || words.filter((word) => NOTHING.test(word)).length > 1) return true
  if (words.some(isNothing) && words.every((word) => isNothing(word) || PREFIX.test(word))) return true
  if (before === last) return PREFIX.test(last) && parts.at(-1) === ''
  if (PREFIX.test(before)) return true
  const separator = id.at(id.lastIndexOf(last) - 1) ?? ''
  if (NOTHING.test(last)) return /[-_:|/=#,;]/.test(separator)
  return /^[A-Za-z]+$/.test(before) && /[:|/=#]/.test(separator)
}

const isNothing = (word: string): boolean => NOTHING.test(word) || NEARLY_NOTHING.test(word)
