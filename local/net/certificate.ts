import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'

/** A TLS server's key and its self-signed certificate, both as PEM. */
export interface Certificate {
  readonly key: string
  readonly cert: string
}

/**
 * Makes a certificate for host names and IPv4 addresses, valid for a day.
 *
 * @see https://www.rfc-editor.org/rfc/rfc5280#section-4.1
 */
export const createCertificate = (...hosts: readonly [string, ...(readonly string[])]): Certificate => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const algorithm = sequence(OBJECT_IDS.ecdsaWithSha256)
  const name = sequence(tag(0x31, sequence(OBJECT_IDS.commonName, tag(0x0c, Buffer.from(hosts[0])))))
  const alternatives = hosts.map((host) =>
    /^[\d.]+$/.test(host)
      ? tag(0x87, Buffer.from(host.split('.').map(Number)))
      : tag(0x82, Buffer.from(host)),
  )
  const hour = 3_600_000
  const content = sequence(
    tag(0xa0, tag(0x02, Buffer.from([2]))),
    tag(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    name,
    sequence(time(Date.now() - hour), time(Date.now() + 24 * hour)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tag(0xa3, sequence(sequence(OBJECT_IDS.subjectAltName, tag(0x04, sequence(...alternatives))))),
  )
  const signature = tag(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', content, privateKey)]))
  const base64 = sequence(content, algorithm, signature).toString('base64')
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${base64.match(/.{1,64}/g)?.join('\n')}\n-----END CERTIFICATE-----\n`,
  }
}

const tag = (number: number, content: Buffer): Buffer => {
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([number, ...size]), content])
}

const sequence = (...parts: readonly Buffer[]): Buffer => tag(0x30, Buffer.concat(parts))

/** UTCTime: YYMMDDHHMMSSZ. */
const time = (ms: number): Buffer =>
  tag(0x17, Buffer.from(`${new Date(ms).toISOString().slice(2, 19).replace(/\D/g, '')}Z`))

const OBJECT_IDS = {
  ecdsaWithSha256: Buffer.from('06082a8648ce3d040302', 'hex'),
  commonName: Buffer.from('0603550403', 'hex'),
  subjectAltName: Buffer.from('0603551d11', 'hex'),
}
