import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { Sha256 } from '@smithy/core/checksum'
import { SignatureV4 } from '@smithy/signature-v4'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createReadSecret } from '../../lib/account/secrets.ts'
import { type AwsOptions, awsOptions } from '../../lib/aws/options.ts'
import { closeServer, listen } from '../../local/net/listen.ts'
import { bundleEntries } from '../../tools/bundle.ts'

// Bundles leave out parts of the SDK's client of Secrets Manager. The client as it is published is the
// oracle: under each answer, both have to send the same, and learn the same.

interface Sent {
  readonly path: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

type Answering = (response: ServerResponse, attempt: number) => void

let received: Sent[] = []
let answering: Answering
const server = createServer(async (request, response) => {
  const body = await text(request)
  const { url: path, headers } = request
  received.push({ path, headers, body })
  answering(response, received.length)
})

let folder: string
let bundled: { readonly createReadSecret: typeof createReadSecret }

beforeAll(async () => {
  const port = await listen(server)
  vi.stubEnv('AWS_ENDPOINT_URL', '')
  vi.stubEnv('AWS_ENDPOINT_URL_SECRETS_MANAGER', `http://127.0.0.1:${port}`)
  vi.stubEnv('AWS_REGION', 'eu-west-1')
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'local')
  vi.stubEnv('AWS_SESSION_TOKEN', 'session-token-of-the-test')
  const [bundle] = await bundleEntries([{ name: 'secrets', path: 'lib/account/secrets.ts' }])
  folder = await mkdtemp(join(tmpdir(), 'campaign-conversations-sdk-'))
  const file = join(folder, 'secrets.mjs')
  await writeFile(file, bundle?.code ?? '')
  bundled = await import(pathToFileURL(file).href)
}, 60_000)
afterAll(async () => {
  vi.unstubAllEnvs()
  server.closeAllConnections()
  await closeServer(server)
  await rm(folder, { recursive: true })
})

const send =
  (status: number, body: string, headers: Readonly<Record<string, string>> = {}): Answering =>
  (response) =>
    void response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1', ...headers }).end(body)

const GOOD = send(
  200,
  '{"SecretString":"{\\"a\\":\\"Žofie\\"}","CreatedDate":1.7e9,"VersionStages":["AWSCURRENT"]}',
)
const error = (type: string, status = 400) =>
  send(status, JSON.stringify({ __type: type, Message: "Secrets Manager can't find the specified secret." }))
const once =
  (first: Answering): Answering =>
  (response, attempt) =>
    (attempt === 1 ? first : GOOD)(response, attempt)
const inMinutes = (minutes: number) => new Date(Date.now() + minutes * 60_000).toUTCString()

/** Headers that differ between two requests, or that only describe the client. */
const LEFT_OUT = ['amz-sdk-invocation-id', 'authorization', 'user-agent', 'x-amz-date', 'x-amz-user-agent']

const withoutOwn = ({ path, headers, body }: Sent) => ({
  path,
  body,
  headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !LEFT_OUT.includes(name))),
  // The SDK also signs its second user agent.
  signed: headers.authorization?.replace(/;x-amz-user-agent|, Signature.*|\d{8}(?=\/)/g, ''),
  // A corrected clock is off by minutes.
  minute: headers['x-amz-date']?.slice(0, 11),
})

/** Signs what was received as the SDK's own parts do. */
const signAgain = async ({ path = '', headers, body }: Sent): Promise<string | undefined> => {
  const signed = /SignedHeaders=([^,]*)/.exec(headers.authorization ?? '')?.[1]?.split(';') ?? []
  const [, year, month, day, hour, minute, second] =
    /^(....)(..)(..)T(..)(..)(..)Z$/.exec(String(headers['x-amz-date'])) ?? []
  const signer = new SignatureV4({
    service: 'secretsmanager',
    region: 'eu-west-1',
    credentials: {
      accessKeyId: 'AKIDEXAMPLE',
      secretAccessKey: 'local',
      sessionToken: 'session-token-of-the-test',
    },
    sha256: Sha256,
    applyChecksum: false,
  })
  const request = await signer.sign(
    {
      method: 'POST',
      protocol: 'http:',
      hostname: '127.0.0.1',
      path,
      query: {},
      headers: Object.fromEntries(signed.map((name) => [name, String(headers[name])])),
      body,
    },
    { signingDate: new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) },
  )
  return request.headers.authorization
}

const PATIENT: AwsOptions = { ...awsOptions, connectTimeoutMs: 5000, timeoutMs: 5000 }

const readWith = async (create: typeof createReadSecret, answer: Answering) => {
  received = []
  answering = answer
  const outcome = await create(PATIENT)('campaign-conversations/dev/70123456', 'AWSCURRENT').catch(
    ({ name, message, cause }: Error) => ({
      name,
      message,
      cause: cause instanceof Error && { name: cause.name, message: cause.message },
    }),
  )
  return { outcome, sent: received.map(withoutOwn) }
}

test.each<readonly [string, number, Answering]>([
  ['a secret', 1, GOOD],
  ['a secret that is binary', 1, send(200, '{"SecretBinary":"AAEC"}')],
  ['no secret', 1, error('ResourceNotFoundException')],
  ['a name with a namespace', 1, error('com.amazonaws.secretsmanager#ResourceNotFoundException')],
  ['access refused', 1, error('AccessDeniedException')],
  ['a key that is disabled', 1, error('DecryptionFailure')],
  ['a name that the SDK does not know', 1, error('NewException')],
  ['an error in HTML', 1, send(403, '<html>no</html>', { 'content-type': 'text/html' })],
  ['throttling, once', 2, once(error('ThrottlingException'))],
  ['throttling, always', 3, error('ThrottlingException')],
  ['500, once', 2, once(error('InternalServiceError', 500))],
  ['503 without a body, always', 3, send(503, '')],
  ['a connection that is reset, once', 2, once((response) => void response.socket?.destroy())],
  [
    'a clock that is off, once',
    2,
    once(send(400, '{"__type":"InvalidSignatureException"}', { date: inMinutes(30) })),
  ],
])('the bundled client sends and learns the same: %s', async (_, attempts, answer) => {
  vi.spyOn(Math, 'random').mockReturnValue(0.001)
  const expected = await readWith(createReadSecret, answer)
  const found = await readWith(bundled.createReadSecret, answer)
  expect(expected.sent).toHaveLength(attempts)
  expect(found).toEqual(expected)
  expect(found.sent[0]?.signed).toContain('x-amz-security-token')
  for (const sent of received) expect(sent.headers.authorization).toBe(await signAgain(sent))
})
