import { createHash, createHmac } from 'node:crypto'
import { post } from './http.ts'

const { AWS_REGION = '', AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '', AWS_ENDPOINT_URL } = process.env

const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()

const signingKeys = new Map<string, Buffer>()

/** Derives a day's key for a service once. */
const keyFor = (day: string, service: string): Buffer => {
  const name = `${day}${service}`
  const key =
    signingKeys.get(name) ??
    [AWS_REGION, service, 'aws4_request'].reduce<Buffer>(hmac, hmac(`AWS4${AWS_SECRET_ACCESS_KEY}`, day))
  signingKeys.set(name, key)
  return key
}

/** Performs an operation of a service with AWS's JSON protocol, signed by SigV4. Returns the answer's text. */
export const call = (service: string, target: string, type: string, input: object): Promise<string> => {
  const url = AWS_ENDPOINT_URL ?? `https://${service}.${AWS_REGION}.amazonaws.com`
  const { host } = new URL(url)
  const body = JSON.stringify(input)
  const time = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '')
  const day = time.slice(0, 8)
  const scope = `${day}/${AWS_REGION}/${service}/aws4_request`
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
  const signed = 'content-type;host;x-amz-date;x-amz-target'
  const canonical = `POST\n/\n\ncontent-type:${type}\nhost:${host}\nx-amz-date:${time}\nx-amz-target:${target}\n\n${signed}\n${sha256(body)}`
  const signature = createHmac('sha256', keyFor(day, service))
    .update(`AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha256(canonical)}`)
    .digest('hex')
  const headers = {
    host,
    'content-type': type,
    'x-amz-date': time,
    'x-amz-target': target,
    'content-length': Buffer.byteLength(body),
    authorization: `AWS4-HMAC-SHA256 Credential=${AWS_ACCESS_KEY_ID}/${scope}, SignedHeaders=${signed}, Signature=${signature}`,
  }
  return post(`${url}/`, headers, body)
}
