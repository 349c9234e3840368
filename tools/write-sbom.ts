import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { bundleFunctions, packagesIn } from './bundle.ts'
import { answerHelp } from './help.ts'
import { toSbom } from './sbom.ts'

/** `npm run sbom`: writes the SBOM of what the functions contain, beside the zips of `npm run package`. */
answerHelp(`npm run sbom

Writes the SBOM of what the functions contain to .serverless/sbom.cdx.json.`)
const file = new URL('../.serverless/sbom.cdx.json', import.meta.url)
const Package = z.object({ name: z.string(), version: z.string(), license: z.string() })
const application = Package.parse(
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')),
)
const packages = packagesIn(await bundleFunctions())
mkdirSync(new URL('.', file), { recursive: true })
writeFileSync(file, `${JSON.stringify(toSbom(application, packages), undefined, 2)}\n`)
console.log(`${packages.length} packages in ${fileURLToPath(file)}`)
