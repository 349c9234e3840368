import type { BundledPackage } from './bundle.ts'

const START = '<!-- bundle:start -->'
const END = '<!-- bundle:end -->'

/**
 * Returns a page with the list of bundled packages between its two markers.
 *
 * @throws {Error} The page doesn't have both markers.
 */
export const withBundleTable = (page: string, packages: readonly BundledPackage[]): string => {
  const start = page.indexOf(START)
  const end = page.indexOf(END)
  if (start < 0 || end < start) throw new Error(`The page must contain ${START} and, after it, ${END}`)
  return [page.slice(0, start + START.length), toTable(packages), page.slice(end)].join('\n\n')
}

const toTable = (packages: readonly BundledPackage[]): string => {
  const rows = packages.map(
    ({ name, license, functions }) =>
      `| \`${name}\` | ${license} | ${functions.map((one) => `\`${one}\``).join(', ')} |`,
  )
  return [
    `${packages.length} packages:`,
    '',
    '| package | license | in |',
    '| --- | --- | --- |',
    ...rows,
  ].join('\n')
}
