import { writeFileSync } from 'node:fs'
import { toErrorDocs } from './error-docs.ts'

/** `npm run docs:errors`: writes docs/errors.md. */
writeFileSync(new URL('../docs/errors.md', import.meta.url), toErrorDocs())
