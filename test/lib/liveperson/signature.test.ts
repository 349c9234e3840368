import { describe, expect, test } from 'vitest'
import { isSigned } from '../../../lib/liveperson/signature.ts'

/**
 * The vectors were made by OpenSSL 3.0.19. The body is in `body.json`, in UTF-8 and without a line break:
 *
 *   openssl dgst -sha1 -hmac <secret> -binary body.json | openssl base64 -A
 */
const BODY =
  '{"kind":"notification","type":"cqm.ExConversationChangeNotification","body":{"note":"Grüße aus Köln – žluťoučký kůň 🐎"}}'
const CURRENT = '9kq2v7x1c0m3w8z5t4y6b7n2d1'
const PREVIOUS = 'previous-client-secret'
const SHA1 = 'sha1=2iDV+6piZGKqv+V+8Wurz0Q5YQQ='
const SHA1_PREVIOUS = 'sha1=2nsG4Ymyqu6hR2q96jm42hg7juw='
const SHA256 = 'sha256=3sURQHP3eM/v5jXcGm8tBYBQ5wMGzUkfMC1Cfx2ron8='
const SHA256_PREVIOUS = 'sha256=0PcOlzZ7W2DF7L86lO8i/towoAwzpKZLYWhVtOBgsng='

const bytes = new TextEncoder().encode(BODY)

test.each([
  ['SHA-1', SHA1, [CURRENT]],
  ['SHA-256', SHA256, [CURRENT]],
  ['SHA-1, by the previous secret', SHA1_PREVIOUS, [CURRENT, PREVIOUS]],
  ['SHA-256, by the previous secret', SHA256_PREVIOUS, [CURRENT, PREVIOUS]],
])('a signature of a body that is not ASCII is accepted: %s', (_, signature, secrets) => {
  expect(isSigned(bytes, signature, secrets)).toBe(true)
})

describe('a signature is refused', () => {
  test.each<[string, string | undefined, Uint8Array, readonly string[]]>([
    ['if there is none', undefined, bytes, [CURRENT]],
    ['if it is empty', '', bytes, [CURRENT]],
    ['by another secret', SHA1_PREVIOUS, bytes, [CURRENT]],
    ['without a secret', SHA1, bytes, []],
    ['with the name of the other hash', SHA1.replace('sha1', 'sha256'), bytes, [CURRENT]],
    ['with an unknown hash', SHA1.replace('sha1', 'md5'), bytes, [CURRENT]],
    ['without the name of the hash', SHA1.slice('sha1='.length), bytes, [CURRENT]],
    [
      'in hex',
      `sha1=${Buffer.from('2iDV+6piZGKqv+V+8Wurz0Q5YQQ=', 'base64').toString('hex')}`,
      bytes,
      [CURRENT],
    ],
    ['cut short', SHA1.slice(0, -2), bytes, [CURRENT]],
    ['with more behind it', `${SHA1}=`, bytes, [CURRENT]],
    [
      'of other bytes for the same JSON',
      SHA1,
      new TextEncoder().encode(JSON.stringify(JSON.parse(BODY), null, 1)),
      [CURRENT],
    ],
    ['of escaped characters', SHA1, new TextEncoder().encode(BODY.replace('ü', '\\u00fc')), [CURRENT]],
    ['of another encoding', SHA1, Buffer.from(BODY, 'latin1'), [CURRENT]],
    ['of another body', SHA1, new TextEncoder().encode(`${BODY} `), [CURRENT]],
  ])('%s', (_, signature, body, secrets) => {
    expect(isSigned(body, signature, secrets)).toBe(false)
  })
})
