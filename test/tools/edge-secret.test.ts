import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { checkEdge } from '../../functions/http/event.ts'

const print = async () => {
  const script = fileURLToPath(new URL('../../tools/edge-secret.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [script])
  const [, secret = '', hash = ''] =
    /^EdgeSecret +([0-9a-f]{64})\nedgeSecretSha256 +([0-9a-f]{64})\n$/.exec(stdout) ?? []
  return { secret, hash }
}

test('each run makes a new secret, and a hash that the functions accept it by', async () => {
  const { secret, hash } = await print()
  expect(hash).toBe(createHash('sha256').update(secret).digest('hex'))
  const event = { headers: { 'x-edge-secret': secret }, isBase64Encoded: false }
  await expect(checkEdge({ header: 'x-edge-secret', secretHashes: [hash] }, event)).resolves.toBeUndefined()
  expect((await print()).secret).not.toBe(secret)
})
