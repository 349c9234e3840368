import { describe, expect, test } from 'vitest'
import { findWrongArguments, parseAwsCommand, shapeOf, toInput } from './aws-cli.ts'
import { readCommands } from './shell.ts'

const parse = (text: string) => parseAwsCommand(readCommands(text)[0] ?? [])

describe('a command of the AWS CLI', () => {
  test.each([
    ['aws sqs send-message --queue-url x --message-body y', []],
    ['aws sqs send-message --queue x --message-body y', ['sqs send-message has no --queue']],
    ['aws sqs send-mesage --queue-url x', ['aws has no sqs send-mesage']],
    ['aws s4 ls', ['aws has no s4 ls']],
    ['aws sqs delete-queue --queue-url', ['sqs delete-queue --queue-url has no value']],
    ['aws sqs delete-queue --queue-url x y', ['sqs delete-queue takes no y']],
    ['aws sns subscribe --topic-arn x --notification-endpoint y --region z', []],
    ['aws sns subscribe --topic-arn x --endpoint y', ['sns subscribe has no --endpoint']],
    ['aws lambda invoke --function-name x /dev/stdout', []],
    ['aws cloudformation deploy --stack-name x --template-file y --no-execute-changeset', []],
    ['aws cloudformation deploy --stack x', ['cloudformation deploy has no --stack']],
  ])('%s', async (text, wrong) => {
    expect(await findWrongArguments(parse(text))).toEqual(wrong)
  })

  test.each([
    [
      'aws sqs receive-message --queue-url x --message-attribute-names All --max-number-of-messages 10',
      { QueueUrl: 'x', MessageAttributeNames: ['All'], MaxNumberOfMessages: 10 },
    ],
    [
      'aws sqs get-queue-attributes --queue-url x --attribute-names A B',
      { QueueUrl: 'x', AttributeNames: ['A', 'B'] },
    ],
    [
      'aws sqs send-message --queue-url x --message-body file://event.json',
      { QueueUrl: 'x', MessageBody: '<event.json>' },
    ],
    [
      `aws dynamodb delete-item --table-name t --key '{"pk":{"S":"a"}}'`,
      { TableName: 't', Key: { pk: { S: 'a' } } },
    ],
    [
      `aws lambda invoke --function-name f --payload '{}' /dev/stdout`,
      { FunctionName: 'f', Payload: Buffer.from('{}') },
    ],
  ])('%s has an input', async (text, input) => {
    const command = parse(text)
    const shape = await shapeOf(command)
    expect(shape && toInput(command, shape, (name) => `<${name}>`)).toEqual(input)
  })
})
