import { readFileSync } from 'node:fs'
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { answerHelp } from '../tools/help.ts'
import { readResources } from './aws/resources.ts'
import { AWS_ACCOUNT_ID, awsClientConfig } from './aws/sdk.ts'

/**
 * `npx node local/send-event.ts [file] [queue URL]`: sends the content of a file to the local events queue.
 */
async function main(
  file = 'local/examples/crm-event.json',
  queueUrl = `http://127.0.0.1:4566/${AWS_ACCOUNT_ID}/${readResources().events.name}`,
): Promise<void> {
  const client = new SQSClient(awsClientConfig(new URL(queueUrl).origin))
  const body = readFileSync(file, 'utf8')
  const { MessageId } = await client.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: body }))
  console.log(`Sent ${file} as message ${MessageId}.`)
  client.destroy()
}

answerHelp(`npx node local/send-event.ts [file] [queue URL]

Sends the content of a file to the events queue of npm start.

  file        default local/examples/crm-event.json
  queue URL   default that of npm start at its default port`)

try {
  await main(...process.argv.slice(2))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
