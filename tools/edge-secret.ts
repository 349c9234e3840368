import { createHash, randomBytes } from 'node:crypto'
import { answerHelp } from './help.ts'

/** `npm run edge:secret`: prints a secret for the header that CloudFront adds, and its hash. */
answerHelp(`npm run edge:secret

Prints a new secret for the header that CloudFront adds, and its hash. Stores nothing.`)
const secret = randomBytes(32).toString('hex')
console.log(`EdgeSecret        ${secret}`)
console.log(`edgeSecretSha256  ${createHash('sha256').update(secret).digest('hex')}`)
