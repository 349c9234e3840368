import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { packageService } from '../../tools/package-service.ts'
import { readZip } from '../../tools/zip.ts'
import type { World } from '../support/world.ts'

/** Packages the service and unpacks its zips, as Lambda does. Returns the handlers' URLs by function. */
export const deploy = async () => {
  const service = await packageService()
  const folder = await mkdtemp(join(tmpdir(), 'campaign-conversations-attacked-'))
  const handlers: Record<string, string> = {}
  for (const zip of service.zips) {
    const name = basename(zip, '.zip')
    for (const entry of readZip(await readFile(zip))) {
      const file = join(folder, name, entry.name)
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, entry.read())
      if (file.endsWith('.mjs')) handlers[name] = pathToFileURL(file).href
    }
  }
  await service.remove()
  return { handlers, remove: () => rm(folder, { recursive: true, force: true }) }
}

/**
 * Returns a function that writes a stage configuration and returns the variables of a container that reads
 * it.
 */
export const createEnvironments = async (world: World) => {
  const folder = await mkdtemp(join(tmpdir(), 'campaign-conversations-config-'))
  let serial = 0
  return {
    of: async (stage: unknown, more: Readonly<Record<string, string>> = {}) => {
      serial++
      const file = join(folder, `stage-${serial}.json`)
      await writeFile(file, JSON.stringify(stage))
      return {
        AWS_REGION: 'eu-west-1',
        AWS_ACCESS_KEY_ID: 'local',
        AWS_SECRET_ACCESS_KEY: 'local',
        AWS_ENDPOINT_URL_SQS: world.sqs.url,
        AWS_ENDPOINT_URL_DYNAMODB: world.dynamoDb.url,
        AWS_ENDPOINT_URL_SECRETS_MANAGER: world.secretsManager.url,
        LIVEPERSON_DOMAIN_API_URL: world.livePerson.url,
        SECRET_ID_PREFIX: 'campaign-conversations/test',
        STATE_TABLE: world.dynamoDb.stateTable,
        EVENTS_QUEUE_URL: world.sqs.eventsQueueUrl,
        HANDOVER_QUEUE_URL: world.sqs.handOverQueueUrl,
        QUARANTINE_QUEUE_URL: world.sqs.quarantineQueueUrl,
        CONFIG_FILE: file,
        FORM_DEADLINE_MS: '6000',
        LOG_LEVEL: 'DEBUG',
        ...more,
      }
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}
