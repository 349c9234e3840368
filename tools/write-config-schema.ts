import { writeFileSync } from 'node:fs'
import { toConfigSchema } from './config-schema.ts'

/** `npm run schema`: writes config/schema.json, by which editors check a stage configuration while it is written. */
writeFileSync(new URL('../config/schema.json', import.meta.url), toConfigSchema())
