import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { closeServer, listen } from '../net/listen.ts'
import { sendAwsJson } from './aws-json.ts'
import { createSecretVersions, SecretsManagerError } from './secret-versions.ts'

/** A running local Secrets Manager. */
export type LocalSecretsManager = Awaited<ReturnType<typeof startSecretsManager>>

/**
 * Starts a Secrets Manager endpoint on 127.0.0.1 that AWS's SDK can use. It supports GetSecretValue,
 * CreateSecret, PutSecretValue, UpdateSecretVersionStage and DescribeSecret, with versions and staging
 * labels. It doesn't check signatures.
 *
 * @param options.port Default: a free one.
 * @throws {PortTakenError}
 * @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
 */
export async function startSecretsManager(options: { readonly port?: number } = {}) {
  const versions = createSecretVersions()
  const counts: Record<string, number> = {}
  let delayMs = 0
  let isFailing = false

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const action = String(request.headers['x-amz-target'] ?? '').replace(/^secretsmanager\./, '')
    counts[action] = (counts[action] ?? 0) + 1
    const body = await text(request)
    if (delayMs > 0) await sleep(delayMs)
    if (isFailing)
      return sendAwsJson(
        response,
        500,
        errorBody('InternalServiceError', 'An error occurred on the server side.'),
      )
    try {
      sendAwsJson(response, 200, perform(versions, action, body))
    } catch (error) {
      if (error instanceof SecretsManagerError)
        sendAwsJson(response, 400, errorBody(error.type, error.message))
      else if (error instanceof z.ZodError || error instanceof SyntaxError) {
        sendAwsJson(response, 400, errorBody('InvalidParameterException', error.message))
      } else sendAwsJson(response, 500, errorBody('InternalServiceError', String(error)))
    }
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy())
  })
  const port = await listen(server, options.port)

  return {
    url: `http://127.0.0.1:${port}`,

    /**
     * Creates the secret, or rotates it: the value becomes AWSCURRENT. Values other than text are stored as
     * JSON.
     */
    put(name: string, value: unknown): void {
      const string = typeof value === 'string' ? value : JSON.stringify(value)
      try {
        versions.create(name, { string })
      } catch {
        versions.put(name, { string })
      }
    },

    /**
     * Returns the number of requests for an action, such as `GetSecretValue`. Without an action: of all
     * requests.
     */
    requests(action?: string): number {
      if (action !== undefined) return counts[action] ?? 0
      return Object.values(counts).reduce((sum, count) => sum + count, 0)
    },

    /** Starts or stops answering every request with 500 InternalServiceError. */
    fail(failing: boolean): void {
      isFailing = failing
    },

    /** Delays every answer. 0: no delay. */
    delay(milliseconds: number): void {
      delayMs = milliseconds
    },

    /** Makes the endpoint refuse connections. Its secrets are kept. */
    goDown(): Promise<void> {
      return closeServer(server)
    },

    /** Accepts connections again, on the same port. */
    async comeUp(): Promise<void> {
      await listen(server, port)
    },

    close(): Promise<void> {
      return closeServer(server)
    },
  }
}

const SecretId = z.object({ SecretId: z.string().min(1) })
const Value = z.object({
  SecretString: z.string().optional(),
  SecretBinary: z.string().optional(),
  ClientRequestToken: z.string().optional(),
})
const GetSecretValue = SecretId.extend({
  VersionId: z.string().optional(),
  VersionStage: z.string().optional(),
})
const CreateSecret = Value.extend({ Name: z.string().min(1) })
const PutSecretValue = Value.extend(SecretId.shape).extend({
  VersionStages: z.array(z.string()).min(1).optional(),
})
const UpdateSecretVersionStage = SecretId.extend({
  VersionStage: z.string(),
  MoveToVersionId: z.string().optional(),
  RemoveFromVersionId: z.string().optional(),
})

function perform(versions: ReturnType<typeof createSecretVersions>, action: string, body: string): object {
  const input: unknown = JSON.parse(body)
  switch (action) {
    case 'GetSecretValue': {
      const { SecretId: id, VersionId: versionId, VersionStage: stage } = GetSecretValue.parse(input)
      const { secret, version } = versions.get(id, { versionId, stage })
      return {
        ...toNames(secret, version),
        SecretString: version.value.string,
        SecretBinary: version.value.binary,
        CreatedDate: version.createdAt / 1000,
      }
    }
    case 'CreateSecret': {
      const {
        Name,
        SecretString: string,
        SecretBinary: binary,
        ClientRequestToken,
      } = CreateSecret.parse(input)
      const { secret, version } = versions.create(Name, { string, binary }, ClientRequestToken)
      return { ARN: secret.arn, Name, VersionId: version.id }
    }
    case 'PutSecretValue': {
      const {
        SecretId: id,
        SecretString: string,
        SecretBinary: binary,
        ...rest
      } = PutSecretValue.parse(input)
      const { secret, version } = versions.put(
        id,
        { string, binary },
        rest.ClientRequestToken,
        rest.VersionStages,
      )
      return toNames(secret, version)
    }
    case 'UpdateSecretVersionStage': {
      const {
        SecretId: id,
        VersionStage,
        MoveToVersionId,
        RemoveFromVersionId,
      } = UpdateSecretVersionStage.parse(input)
      const secret = versions.moveStage(id, VersionStage, MoveToVersionId, RemoveFromVersionId)
      return { ARN: secret.arn, Name: secret.name }
    }
    case 'DescribeSecret': {
      const secret = versions.find(SecretId.parse(input).SecretId)
      const labelled = [...secret.versions.values()].filter(({ stages }) => stages.size > 0)
      return {
        ARN: secret.arn,
        Name: secret.name,
        CreatedDate: secret.createdAt / 1000,
        VersionIdsToStages: Object.fromEntries(labelled.map((version) => [version.id, [...version.stages]])),
      }
    }
    default:
      throw new SecretsManagerError(
        'UnknownOperationException',
        action ? `The action ${action} isn't supported.` : 'The X-Amz-Target header is missing.',
      )
  }
}

function toNames(secret: { arn: string; name: string }, version: { id: string; stages: Set<string> }) {
  return { ARN: secret.arn, Name: secret.name, VersionId: version.id, VersionStages: [...version.stages] }
}

function errorBody(type: string, message: string): object {
  return { __type: type, message, Message: message }
}
