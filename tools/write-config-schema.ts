import { writeFileSync } from 'node:fs'
import { toConfigSchema } from './config-schema.ts'

/** `npm run schema`: writes config/schema.json, with which editors check a stage configuration. */
writeFileSync(new URL('../config/schema.json', import.meta.url), toConfigSchema())
