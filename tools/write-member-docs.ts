import { readFileSync, writeFileSync } from 'node:fs'
import { withMemberTable } from './member-docs.ts'

/** `npm run docs:members`: writes the table of request members into docs/form-api.md. */
const page = new URL('../docs/form-api.md', import.meta.url)
writeFileSync(page, withMemberTable(readFileSync(page, 'utf8')))
