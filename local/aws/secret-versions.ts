import { randomBytes, randomUUID } from 'node:crypto'
import { AWS_ACCOUNT_ID, REGION } from './sdk.ts'

/** An error answer of Secrets Manager. */
export class SecretsManagerError extends Error {
  /** The error's name, such as `ResourceNotFoundException`. */
  readonly type: string

  constructor(type: string, message: string) {
    super(message)
    this.type = type
  }
}

interface Version {
  readonly id: string
  readonly value: SecretValue
  readonly stages: Set<string>
  readonly createdAt: number
}

interface Secret {
  readonly name: string
  readonly arn: string
  readonly versions: Map<string, Version>
  readonly createdAt: number
}

/** The value of one version. */
export interface SecretValue {
  readonly string?: string | undefined
  /** Base64, as in the API. */
  readonly binary?: string | undefined
}

/** Selects a version. Default: the one with the staging label AWSCURRENT. */
export interface VersionSelector {
  readonly versionId?: string | undefined
  readonly stage?: string | undefined
}

/**
 * Returns an in-memory store of secrets with versions. It moves staging labels as Secrets Manager does: a
 * label is attached to one version at a time, and the version that loses AWSCURRENT gets AWSPREVIOUS.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
 */
export function createSecretVersions() {
  const secrets = new Map<string, Secret>()

  function find(secretId: string): Secret {
    const secret = secrets.get(secretId) ?? [...secrets.values()].find(({ arn }) => arn === secretId)
    if (!secret) throw notFound("Secrets Manager can't find the specified secret.")
    return secret
  }

  return {
    /**
     * Returns a secret by its name or ARN.
     *
     * @throws {SecretsManagerError} ResourceNotFoundException
     */
    find,

    /** @throws {SecretsManagerError} ResourceExistsException: the name is in use. */
    create(
      name: string,
      value: SecretValue,
      versionId: string = randomUUID(),
    ): { secret: Secret; version: Version } {
      if (secrets.has(name)) {
        throw new SecretsManagerError(
          'ResourceExistsException',
          `The operation failed because the secret ${name} already exists.`,
        )
      }
      const arn = `arn:aws:secretsmanager:${REGION}:${AWS_ACCOUNT_ID}:secret:${name}-${randomBytes(3).toString('hex')}`
      const secret: Secret = { name, arn, versions: new Map(), createdAt: Date.now() }
      secrets.set(name, secret)
      return { secret, version: addVersion(secret, value, versionId, ['AWSCURRENT']) }
    },

    /** @throws {SecretsManagerError} ResourceExistsException: the version id is in use with another value. */
    put(
      secretId: string,
      value: SecretValue,
      versionId: string = randomUUID(),
      stages: readonly string[] = ['AWSCURRENT'],
    ) {
      const secret = find(secretId)
      const existing = secret.versions.get(versionId)
      if (existing && !isSame(existing.value, value)) {
        throw new SecretsManagerError(
          'ResourceExistsException',
          "You can't modify an existing version, you can only add versions.",
        )
      }
      return { secret, version: existing ?? addVersion(secret, value, versionId, stages) }
    },

    /**
     * @throws {SecretsManagerError} ResourceNotFoundException, or InvalidRequestException if id and label
     *   don't match.
     */
    get(secretId: string, { versionId, stage }: VersionSelector): { secret: Secret; version: Version } {
      const secret = find(secretId)
      if (versionId !== undefined) {
        const version = secret.versions.get(versionId)
        if (!version) throw notFound(`${cantFindValue} VersionId: ${versionId}`)
        if (stage !== undefined && !version.stages.has(stage)) {
          throw new SecretsManagerError(
            'InvalidRequestException',
            'You provided a VersionStage that is not associated to the provided VersionId.',
          )
        }
        return { secret, version }
      }
      const version = labelled(secret, stage ?? 'AWSCURRENT')
      if (!version) throw notFound(`${cantFindValue} staging label: ${stage ?? 'AWSCURRENT'}`)
      return { secret, version }
    },

    /**
     * @throws {SecretsManagerError} InvalidParameterException: the label is attached to another version than
     *   `from`.
     */
    moveStage(secretId: string, stage: string, to: string | undefined, from: string | undefined): Secret {
      const secret = find(secretId)
      const holder = labelled(secret, stage)
      if (to === undefined && stage === 'AWSCURRENT') {
        throw invalidParameter(
          'You can only move staging label AWSCURRENT to a different secret version. It can’t be completely removed.',
        )
      }
      if (holder && holder.id !== to && holder.id !== from) {
        throw invalidParameter(
          `The parameter RemoveFromVersionId can't be empty. Staging label ${stage} is currently attached to version ${holder.id}, so you must explicitly reference that version in RemoveFromVersionId.`,
        )
      }
      if (to === undefined) holder?.stages.delete(stage)
      else {
        const target = secret.versions.get(to)
        if (!target) throw notFound(`${cantFindValue} VersionId: ${to}`)
        attach(secret, target, stage)
      }
      return secret
    },
  }
}

const cantFindValue = "Secrets Manager can't find the specified secret value for"

function addVersion(secret: Secret, value: SecretValue, id: string, stages: readonly string[]): Version {
  const version: Version = { id, value, stages: new Set(), createdAt: Date.now() }
  secret.versions.set(id, version)
  for (const stage of stages) attach(secret, version, stage)
  return version
}

function attach(secret: Secret, version: Version, stage: string): void {
  const holder = labelled(secret, stage)
  if (holder === version) return
  holder?.stages.delete(stage)
  version.stages.add(stage)
  if (stage === 'AWSCURRENT' && holder) attach(secret, holder, 'AWSPREVIOUS')
}

function labelled(secret: Secret, stage: string): Version | undefined {
  return [...secret.versions.values()].find(({ stages }) => stages.has(stage))
}

function isSame(one: SecretValue, other: SecretValue): boolean {
  return one.string === other.string && one.binary === other.binary
}

function notFound(message: string): SecretsManagerError {
  return new SecretsManagerError('ResourceNotFoundException', message)
}

function invalidParameter(message: string): SecretsManagerError {
  return new SecretsManagerError('InvalidParameterException', message)
}
