import { readFileSync, writeFileSync } from 'node:fs'
import { answerHelp } from './help.ts'
import { withMemberTable } from './member-docs.ts'

/** `npm run docs:members`: writes the table of request members into docs/form-api.md. */
answerHelp(`npm run docs:members

Writes the table of request members into docs/form-api.md.`)
const page = new URL('../docs/form-api.md', import.meta.url)
writeFileSync(page, withMemberTable(readFileSync(page, 'utf8')))
