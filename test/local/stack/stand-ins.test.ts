import { createServer } from 'node:http'
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { expect, test } from 'vitest'
import { awsClientConfig } from '../../../local/aws/sdk.ts'
import {
  closeServer,
  ensureFreePort,
  findFreePorts,
  listen,
  PortTakenError,
} from '../../../local/net/listen.ts'
import { startStandIns } from '../../../local/stack/stand-ins.ts'

const secretIdPrefix = 'stand-ins'

test('every account has its secret, and the variables name the stand-ins', async () => {
  const standIns = await startStandIns({ secretIdPrefix })
  const client = new SecretsManagerClient(
    awsClientConfig(standIns.awsEnvironment.AWS_ENDPOINT_URL_SECRETS_MANAGER),
  )
  for (const { accountId, clientId, clientSecrets } of standIns.accounts) {
    const { SecretString = '' } = await client.send(
      new GetSecretValueCommand({ SecretId: `${secretIdPrefix}/${accountId}` }),
    )
    expect(JSON.parse(SecretString)).toEqual({ clientId, clientSecret: clientSecrets[0] })
  }
  client.destroy()
  expect(standIns.serviceEnvironment).toEqual({
    LIVEPERSON_DOMAIN_API_URL: standIns.livePerson.url,
    SECRET_ID_PREFIX: secretIdPrefix,
    STATE_TABLE: standIns.dynamoDb.stateTable,
    EVENTS_QUEUE_URL: standIns.sqs.eventsQueueUrl,
    HANDOVER_QUEUE_URL: standIns.sqs.handOverQueueUrl,
    QUARANTINE_QUEUE_URL: standIns.sqs.quarantineQueueUrl,
    OUTCOME_BUS: 'campaign-conversations-local-outcomes',
  })
  await standIns.close()
})

test('if one port is in use, none of the others stays in use', async () => {
  const holder = createServer()
  const taken = await listen(holder)
  const [livePerson = 0, dynamoDb = 0, secretsManager = 0, eventBridge = 0] = await findFreePorts(4)
  const ports = { livePerson, sqs: taken, dynamoDb, secretsManager, eventBridge }
  await expect(startStandIns({ secretIdPrefix, ports })).rejects.toThrow(new PortTakenError(taken))
  await Promise.all([livePerson, dynamoDb, secretsManager, eventBridge].map(ensureFreePort))
  await closeServer(holder)
})
