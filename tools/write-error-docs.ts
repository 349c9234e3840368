import { writeFileSync } from 'node:fs'
import { toErrorDocs } from './error-docs.ts'
import { answerHelp } from './help.ts'

/** `npm run docs:errors`: writes docs/errors.md. */
answerHelp(`npm run docs:errors

Writes docs/errors.md from the table of codes.`)
writeFileSync(new URL('../docs/errors.md', import.meta.url), toErrorDocs())
