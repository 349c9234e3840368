/** What templates and serializers write for a value that isn't there. */
const NOTHING =
  /^(?:[(<[]?(?:undefined|null|nil|none|nan|n\/a)[)>\]]?|\[object [a-z]+\]|[-+]?0+(?:[.,]0+)?|\{?0{8}-?(?:0{4}-?){3}0{12}\}?)$/i

/** An id that was put together with such a value, as in `crm-undefined`. */
const ENDS_WITH_NOTHING = /[-_:|/](?:undefined|null|None|NaN|\[object [A-Z][A-Za-z]*\])$/

/** An expression that no template has replaced, such as `{{contact.id}}`. */
const EXPRESSION =
  /\{\{.*\}\}|[$#@!%]\{.*\}|\{[!$].*\}|<%.*%>|%%.+%%|\*\|.*\|\*|\[\[.*\]\]|^\{[a-z_][\w.]*\}$|^%\w+%$|^<[\w. ]+>$/i

/**
 * Returns whether an id is a placeholder: what a template writes for every person whose id it doesn't know.
 * Two people with the same id would share one conversation.
 */
export const isPlaceholder = (id: string): boolean =>
  NOTHING.test(id) || ENDS_WITH_NOTHING.test(id) || EXPRESSION.test(id)
