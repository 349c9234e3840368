import { toCostTable } from './costs.ts'
import { toDeployerPolicy } from './deployer-policy.ts'

/**
 * Returns docs/deployment.md with the deployer's policy and the table of costs between their markers.
 *
 * @throws {Error} The page doesn't have all markers.
 */
export const withDeployment = (page: string): string =>
  withPart(
    withPart(page, 'deployer', `\`\`\`json\n${toText(toDeployerPolicy())}\n\`\`\``),
    'costs',
    toCostTable(),
  )

const withPart = (page: string, name: string, part: string): string => {
  const [start, end] = [`<!-- ${name}:start -->`, `<!-- ${name}:end -->`]
  const from = page.indexOf(start)
  const to = page.indexOf(end)
  if (from < 0 || to < from) throw new Error(`The page must contain ${start} and, after it, ${end}`)
  return `${page.slice(0, from + start.length)}\n\n${part}\n\n${page.slice(to)}`
}

/** JSON with the lists of texts on one line each, if they fit. */
const toText = (value: unknown): string =>
  JSON.stringify(value, undefined, 2).replaceAll(/\[\s+("[^[\]{}]*")\s+\]/g, (list, items: string) => {
    const line = `[${items.replaceAll(/\s*\n\s*/g, ' ')}]`
    return line.length <= 90 ? line : list
  })
