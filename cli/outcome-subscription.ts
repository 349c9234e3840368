import {
  DeleteRuleCommand,
  EventBridgeClient,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
} from '@aws-sdk/client-eventbridge'
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { ServiceUnavailableError } from '../lib/errors/errors.ts'

/** How long the queue keeps messages, in seconds, in case nobody removes it. */
const RETENTION_SECONDS = 300
const TARGET = 'queue'

/** A temporary subscription to the events of a bus. */
export interface Subscription {
  /**
   * Returns the events that came since the last call. Waits up to 20 seconds for one, or until the signal.
   */
  readonly receive: (signal: AbortSignal) => Promise<readonly unknown[]>
  /** Removes the rule and the queue. Returns the names of those that could not be removed. */
  readonly remove: () => Promise<readonly string[]>
}

/**
 * Subscribes to the events of a bus that match a pattern, with a queue and a rule of this name. If that
 * fails, everything that was created is removed.
 *
 * @throws {ServiceUnavailableError} SQS or EventBridge fails. Its `detail` names the operation.
 */
export const subscribe = async ({
  name,
  region,
  eventBus,
  pattern,
}: {
  readonly name: string
  readonly region: string
  readonly eventBus: string
  readonly pattern: object
}): Promise<Subscription> => {
  // A variable can name another endpoint than the one in a queue's URL.
  const sqs = new SQSClient({ region, maxAttempts: 3, useQueueUrlAsEndpoint: false })
  const events = new EventBridgeClient({ region, maxAttempts: 3 })
  const removals: (readonly [name: string, remove: () => Promise<unknown>])[] = []

  const remove = async (): Promise<readonly string[]> => {
    const left: string[] = []
    for (const [what, undo] of removals.splice(0).reverse()) await undo().catch(() => left.push(what))
    sqs.destroy()
    events.destroy()
    return left
  }

  try {
    const { QueueUrl = '' } = await sqs
      .send(
        new CreateQueueCommand({
          QueueName: name,
          Attributes: { MessageRetentionPeriod: String(RETENTION_SECONDS), SqsManagedSseEnabled: 'true' },
        }),
      )
      .catch(throwUnavailable('SQS CreateQueue'))
    removals.push([`queue ${name}`, () => sqs.send(new DeleteQueueCommand({ QueueUrl }))])
    const { Attributes } = await sqs
      .send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }))
      .catch(throwUnavailable('SQS GetQueueAttributes'))
    const queueArn = Attributes?.QueueArn ?? ''
    const rule = { EventBusName: eventBus }
    const { RuleArn = '' } = await events
      .send(new PutRuleCommand({ ...rule, Name: name, EventPattern: JSON.stringify(pattern) }))
      .catch(throwUnavailable('EventBridge PutRule'))
    removals.push([`rule ${name}`, () => events.send(new DeleteRuleCommand({ ...rule, Name: name }))])
    await sqs
      .send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { Policy: toPolicy(queueArn, RuleArn) } }))
      .catch(throwUnavailable('SQS SetQueueAttributes'))
    await events
      .send(new PutTargetsCommand({ ...rule, Rule: name, Targets: [{ Id: TARGET, Arn: queueArn }] }))
      .catch(throwUnavailable('EventBridge PutTargets'))
    removals.push([
      `target of rule ${name}`,
      () => events.send(new RemoveTargetsCommand({ ...rule, Rule: name, Ids: [TARGET] })),
    ])

    return {
      receive: async (signal) => {
        const input = { QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 20 }
        const { Messages = [] } = await sqs
          .send(new ReceiveMessageCommand(input), { abortSignal: signal })
          .catch((error: unknown) => {
            if (signal.aborted) return { Messages: [] }
            return throwUnavailable('SQS ReceiveMessage')(error)
          })
        if (Messages.length > 0)
          await sqs
            .send(
              new DeleteMessageBatchCommand({
                QueueUrl,
                Entries: Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle })),
              }),
            )
            .catch(throwUnavailable('SQS DeleteMessageBatch'))
        return Messages.map(({ Body = '{}' }) => JSON.parse(Body))
      },
      remove,
    }
  } catch (error) {
    await remove()
    throw error
  }
}

/** Only the rule may send to the queue. */
const toPolicy = (queueArn: string, ruleArn: string): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: 'events.amazonaws.com' },
        Action: 'sqs:SendMessage',
        Resource: queueArn,
        Condition: { ArnEquals: { 'aws:SourceArn': ruleArn } },
      },
    ],
  })

const throwUnavailable =
  (operation: string) =>
  (cause: unknown): never => {
    throw new ServiceUnavailableError({ detail: `${operation} failed.`, cause })
  }
