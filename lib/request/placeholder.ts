/** What templates and serializers write for a missing value. */
const NOTHING =
  /^(?:[(<[]?(?:undefined|null|nil|none|nan|n\/a)[)>\]]?|\[object [a-z]+\]|[-+]?0+(?:[.,]0+)?|\{?0{8}-?(?:0{4}-?){3}0{12}\}?)$/i

/** An id that was built from such a value, as in `crm-undefined`. */
const ENDS_WITH_NOTHING = /[-_:|/](?:undefined|null|None|NaN|\[object [A-Z][A-Za-z]*\])$/

/** How an expression that no template has replaced starts and ends, such as `{{contact.id}}`. */
const EXPRESSIONS: readonly (readonly [start: RegExp, end: string])[] = [
  [/\{\{/, '}}'],
  [/[$#@!%]\{/, '}'],
  [/\{[!$]/, '}'],
  [/<%/, '%>'],
  [/%%./, '%%'],
  [/\*\|/, '|*'],
  [/\[\[/, ']]'],
]

/** An id that is nothing but such an expression. */
const WHOLE_EXPRESSION = /^(?:\{[a-z_][\w.]*\}|%\w+%|<[\w. ]+>)$/i

/** No id is longer. */
const MAX_LENGTH = 256

/**
 * Returns whether an id is a placeholder: what a template writes for every person whose id it doesn't know.
 * Two people with the same id would share one conversation. A text of more than 256 characters is no id.
 */
export const isPlaceholder = (id: string): boolean =>
  id.length <= MAX_LENGTH &&
  (NOTHING.test(id) || ENDS_WITH_NOTHING.test(id) || WHOLE_EXPRESSION.test(id) || hasExpression(id))

/**
 * A regular expression for both start and end would take quadratic time, because it would look for an end
 * from each start.
 */
const hasExpression = (id: string): boolean =>
  EXPRESSIONS.some(([start, end]) => {
    const found = start.exec(id)
    return found !== null && id.includes(end, found.index + found[0].length)
  })
