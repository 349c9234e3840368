import { mkdirSync, writeFileSync } from 'node:fs'
import { toClientTypes, toContracts } from './contracts/contracts.ts'
import { answerHelp } from './help.ts'

/** `npm run contracts`: writes the OpenAPI document, the JSON Schemas, and the types of the client. */
answerHelp(`npm run contracts

Writes the OpenAPI document, the JSON Schemas, and the types of the client.`)
const folder = new URL('../contracts/', import.meta.url)
mkdirSync(folder, { recursive: true })
for (const [name, contract] of Object.entries(toContracts()))
  writeFileSync(new URL(name, folder), `${JSON.stringify(contract, undefined, 2)}\n`)
writeFileSync(new URL('../web/types.ts', import.meta.url), toClientTypes())
