import { readFileSync } from 'node:fs'
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { readInfrastructure } from '../tools/deployed-resources.ts'
import { awsClientConfig } from './aws/sdk.ts'

/** Puts a file's content on the local events queue: `npx node local/send-event.ts [file] [queue URL]`. */
async function main(
  file = 'local/examples/crm-event.json',
  queueUrl = `http://127.0.0.1:4566/000000000000/${readInfrastructure().events.name}`,
): Promise<void> {
  const client = new SQSClient(awsClientConfig(new URL(queueUrl).origin))
  const body = readFileSync(file, 'utf8')
  const { MessageId } = await client.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: body }))
  console.log(`Sent ${file} as message ${MessageId}.`)
  client.destroy()
}

try {
  await main(...process.argv.slice(2))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
