import { createHmac, timingSafeEqual } from 'node:crypto'

/**
 * The hash functions of LivePerson's signatures. LivePerson uses SHA-256 only for accounts for which it is
 * switched on.
 */
const HASHES = ['sha1', 'sha256'] as const

/**
 * Returns whether LivePerson signed a push with one of the app's client secrets. The comparison takes the
 * same time whatever differs.
 *
 * @param body The bytes as received. JSON that is parsed and written again may have other ones.
 * @param signature The header `x-liveperson-signature`: `sha1=` or `sha256=`, and the HMAC in Base64.
 * @see https://developers.liveperson.com/webhooks-notification-protocol.html
 */
export const isSigned = (
  body: Uint8Array,
  signature: string | undefined,
  clientSecrets: readonly string[],
): boolean => {
  const hash = HASHES.find((name) => signature?.startsWith(`${name}=`))
  if (signature === undefined || hash === undefined) return false
  const given = Buffer.from(signature)
  return clientSecrets
    .map((secret) => Buffer.from(`${hash}=${createHmac(hash, secret).update(body).digest('base64')}`))
    .map((expected) => expected.length === given.length && timingSafeEqual(expected, given))
    .includes(true)
}
