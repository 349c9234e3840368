import { writeFileSync } from 'node:fs'
import { toConfigSchema } from './config-schema.ts'
import { answerHelp } from './help.ts'

/** `npm run schema`: writes config/schema.json, with which editors check a stage configuration. */
answerHelp(`npm run schema

Writes config/schema.json, with which editors check a stage configuration.`)
writeFileSync(new URL('../config/schema.json', import.meta.url), toConfigSchema())
