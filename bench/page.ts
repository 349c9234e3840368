/**
 * Returns a page with another text between the two markers of a part, `<!-- name:start -->` and
 * `<!-- name:end -->`.
 *
 * @throws {Error} The page doesn't have both.
 */
export const withPart = (page: string, name: string, text: string): string => {
  const [start, end] = [`<!-- ${name}:start -->`, `<!-- ${name}:end -->`]
  const from = page.indexOf(start)
  const to = page.indexOf(end)
  if (from < 0 || to < from) throw new Error(`The page has no ${start} with a ${end} after it.`)
  return [page.slice(0, from + start.length), text, page.slice(to)].join('\n\n')
}
