import { readFileSync, writeFileSync } from 'node:fs'
import { answerHelp } from './help.ts'
import { withIamTable } from './iam-docs.ts'
import { packageService } from './package-service.ts'

/** `npm run docs:iam`: packages the service, and writes the table of IAM statements into docs/security.md. */
answerHelp(`npm run docs:iam

Packages the service, and writes the table of IAM statements into docs/security.md.`)
const page = new URL('../docs/security.md', import.meta.url)
const service = await packageService()
await service.remove()
writeFileSync(page, withIamTable(readFileSync(page, 'utf8'), service.written))
