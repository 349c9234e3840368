import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { readZip } from './zip.ts'

/** The limit for a function's minified code, in bytes. Every cold start reads and parses all of it. */
const CODE_BUDGET = 390_000
/** The limit for a function's zip, in bytes. */
const ZIP_BUDGET = 150_000

/**
 * `npm run budget`: prints the size of each packaged function. The exit code is 1 if one is over the limits.
 */
function main(folder: string): boolean {
  const zips = readdirSync(folder).filter((name) => name.endsWith('.zip'))
  if (zips.length === 0) throw new Error(`${folder} has no zip. Run \`npm run package\` first.`)
  let isKept = true
  for (const zip of zips.toSorted()) {
    const content = readFileSync(join(folder, zip))
    const code = readZip(content)
      .filter(({ name }) => name.endsWith('.mjs'))
      .reduce((sum, { size }) => sum + size, 0)
    const isOver = code > CODE_BUDGET || content.length > ZIP_BUDGET
    isKept &&= !isOver
    console.log(
      `${basename(zip, '.zip').padEnd(20)} code ${inKb(code)}  zip ${inKb(content.length)}${isOver ? '  OVER BUDGET' : ''}`,
    )
  }
  console.log(`${'budget'.padEnd(20)} code ${inKb(CODE_BUDGET)}  zip ${inKb(ZIP_BUDGET)}`)
  return isKept
}

function inKb(bytes: number): string {
  return `${(bytes / 1000).toFixed(1).padStart(6)} kB`
}

try {
  if (!main(process.argv[2] ?? '.serverless')) process.exitCode = 1
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
