import { createHash, createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { Sha256 } from '../../../lib/aws/sha256.ts'

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text))
const digestOf = async (
  parts: readonly (string | ArrayBuffer | Uint8Array)[],
  secret?: string | Uint8Array,
) => {
  const checksum = new Sha256(secret)
  for (const part of parts) checksum.update(part)
  return Buffer.from(await checksum.digest()).toString('hex')
}

test.each([
  ['nothing', []],
  ['a text', ['Žofie 🦊']],
  ['bytes', [bytesOf('Žofie 🦊')]],
  ['parts of each kind', ['Žo', bytesOf('fie '), bytesOf('🦊').buffer]],
])('%s', async (_, parts) => {
  const whole = parts.length > 0 ? 'Žofie 🦊' : ''
  expect(await digestOf(parts)).toBe(createHash('sha256').update(whole).digest('hex'))
  for (const secret of ['a secret of ž', bytesOf('a secret')])
    expect(await digestOf(parts, secret)).toBe(createHmac('sha256', secret).update(whole).digest('hex'))
})

test('bytes within a larger buffer are the only ones that count', async () => {
  const inside = Buffer.from('xxsecretxx').subarray(2, 8)
  expect(await digestOf([inside], inside)).toBe(createHmac('sha256', 'secret').update('secret').digest('hex'))
})

test('a key that was used before gives the same result', async () => {
  const key = bytesOf('key')
  expect(await digestOf(['a'], key)).toBe(await digestOf(['a'], key))
  expect(await digestOf(['b'], key)).toBe(createHmac('sha256', 'key').update('b').digest('hex'))
})

test('after a reset, it starts anew', async () => {
  const checksum = new Sha256()
  checksum.update('a')
  checksum.reset()
  checksum.update('b')
  expect(Buffer.from(await checksum.digest()).toString('hex')).toBe(
    createHash('sha256').update('b').digest('hex'),
  )
})
