import { readFileSync } from 'node:fs'

// JavaScript, because older versions of Node.js can't run TypeScript. npm skips a Node.js binary that doesn't fit
// the platform or the lock file's hash, and scripts then run on the machine's own version.
const needed = readFileSync(new URL('../.nvmrc', import.meta.url), 'utf8').trim()
const { node } = process.versions
if (node.split('.')[0] !== needed) {
  console.error(
    `This needs Node.js ${needed}, as on Lambda, but runs on ${node}. Run \`npm ci\`, or install ${needed}.`,
  )
  process.exitCode = 1
}
