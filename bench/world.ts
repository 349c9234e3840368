import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createCertificate } from '../local/net/certificate.ts'
import { type Door, type Peer, writeBundles } from './bundles.ts'
import { type Container, startContainer, startStandIn } from './processes.ts'
import { createIssuer, stageOf, TOKEN_AUDIENCE, TOKEN_ISSUER } from './requests.ts'

/** The delays of answers, in milliseconds. */
export interface Latencies {
  readonly livePersonMs: number
  readonly awsMs: number
}

export type World = Awaited<ReturnType<typeof startWorld>>

/** The names that are called with TLS. */
const TLS_NAMES = [
  'api.liveperson.net',
  'bench.sentinel.liveperson.net',
  'bench.idp.liveperson.net',
  'bench.asyncmessagingent.liveperson.net',
  'dynamodb.eu-west-1.amazonaws.com',
  'secretsmanager.eu-west-1.amazonaws.com',
  'id.example.com',
] as const

/**
 * Packages the handlers and starts the stand-in for everything that they call.
 *
 * @param options.tls Whether it speaks TLS, under the real names.
 */
export const startWorld = async ({ livePersonMs, awsMs }: Latencies, tls: boolean) => {
  const folder = await mkdtemp(join(tmpdir(), 'campaign-conversations-bench-'))
  const issuer = createIssuer()
  const certificate = tls ? createCertificate(...TLS_NAMES) : undefined
  const { harness, handlers } = await writeBundles(folder)
  const { keys } = issuer
  const standIn = await startStandIn({ keys, livePersonMs, awsMs, ...(certificate && { tls: certificate }) })
  const origin = `http://127.0.0.1:${standIn.port}`
  const jwksUrl = tls ? 'https://id.example.com/keys.json' : `${origin}/keys.json`
  const caFile = join(folder, 'ca.pem')
  if (certificate) await writeFile(caFile, certificate.cert)

  const env = {
    ...(tls
      ? { NODE_EXTRA_CA_CERTS: caFile, BENCH_TLS_PORT: String(standIn.port) }
      : { AWS_ENDPOINT_URL: origin }),
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'an-example-key',
    // As long as Lambda's.
    AWS_SESSION_TOKEN: 'example'.repeat(120),
    AWS_LAMBDA_FUNCTION_NAME: 'bench',
    POWERTOOLS_SERVICE_NAME: 'bench',
    LIVEPERSON_DOMAIN_API_URL: tls ? 'https://api.liveperson.net' : origin,
    STATE_TABLE: 'state',
    SECRET_ID_PREFIX: 'bench',
    EVENTS_QUEUE_URL: 'https://sqs.eu-west-1.amazonaws.com/123456789012/events',
    HANDOVER_QUEUE_URL: 'https://sqs.eu-west-1.amazonaws.com/123456789012/hand-over',
    QUARANTINE_QUEUE_URL: 'https://sqs.eu-west-1.amazonaws.com/123456789012/quarantine',
    JWKS_URL: jwksUrl,
    TOKEN_ISSUER,
    TOKEN_AUDIENCE,
  }

  const containers: Container[] = []

  return {
    handlers,
    issue: issuer.issue,
    calls: standIn.calls,

    /** Starts a container of a packaged handler, for a number of accounts. */
    startContainer: async (
      peer: Peer,
      door: Door,
      { accounts, nodeOptions = [] }: { readonly accounts: number; readonly nodeOptions?: readonly string[] },
    ) => {
      const handler = handlers.get(peer)?.[door]
      if (!handler) throw new Error(`There is no ${peer} ${door}`)
      const configFile = join(folder, `stage-${accounts}.json`)
      await writeFile(configFile, JSON.stringify(stageOf(accounts, jwksUrl)))
      const container = await startContainer({
        harness,
        handler: handler.file,
        env: { ...env, CONFIG_FILE: configFile },
        nodeOptions,
      })
      containers.push(container)
      return container
    },

    /** Also stops the containers that are still running. */
    close: async (): Promise<void> => {
      await Promise.all(containers.map((container) => container.stop()))
      await standIn.stop()
      await rm(folder, { recursive: true })
    },
  }
}
