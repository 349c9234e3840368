import { readFileSync, writeFileSync } from 'node:fs'
import { withDeployment } from './deployment-docs.ts'
import { answerHelp } from './help.ts'

/** `npm run docs:deployment`: writes the deployer's policy and the costs into docs/deployment.md. */
answerHelp(`npm run docs:deployment

Writes the deployer's policy and the costs into docs/deployment.md.`)
const page = new URL('../docs/deployment.md', import.meta.url)
writeFileSync(page, withDeployment(readFileSync(page, 'utf8')))
