import { createHash, randomBytes } from 'node:crypto'

/** `npm run edge:secret`: prints a secret for the header that CloudFront adds, and its hash. */
const secret = randomBytes(32).toString('hex')
console.log(`EdgeSecret        ${secret}`)
console.log(`edgeSecretSha256  ${createHash('sha256').update(secret).digest('hex')}`)
