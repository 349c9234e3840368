import { readFileSync, writeFileSync } from 'node:fs'
import { bundleFunctions, packagesIn } from './bundle.ts'
import { withBundleTable } from './bundle-docs.ts'
import { answerHelp } from './help.ts'

/** `npm run docs:bundle`: writes the list of bundled packages into docs/decisions.md. */
answerHelp(`npm run docs:bundle

Writes the list of bundled packages into docs/decisions.md.`)
const page = new URL('../docs/decisions.md', import.meta.url)
const packages = packagesIn(await bundleFunctions())
writeFileSync(page, withBundleTable(readFileSync(page, 'utf8'), packages))
