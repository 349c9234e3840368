import * as z from 'zod'
import { createTable } from './table.ts'

const item = z.record(z.string(), z.unknown())

const ReadInput = z.object({ Key: item })
const PutInput = z.object({ Item: item })
const WriteInput = z.object({
  Key: item,
  UpdateExpression: z.string().exactOptional(),
  ExpressionAttributeNames: z.record(z.string(), z.string()).exactOptional(),
  ExpressionAttributeValues: item.exactOptional(),
  ReturnValues: z.string().exactOptional(),
})

/** Returns what answers DynamoDB's and Secrets Manager's operations. */
export const createAws = (hosts: (accountId: string) => object) => {
  const table = createTable()

  /** The hosts that `refreshDomains` keeps in the table. */
  const find = (key: Readonly<Record<string, unknown>>) => {
    const [, accountId] = /^\{"S":"domains#(\d+)"\}$/.exec(JSON.stringify(key.pk)) ?? []
    if (accountId === undefined) return table.get(key)
    const named = Object.entries(hosts(accountId)).map(([name, host]) => [name, { S: host }])
    return { ...key, hosts: { M: Object.fromEntries(named) }, fetchedAt: { N: String(Date.now()) } }
  }

  /** Returns the answer to an operation. Undefined: the benchmark doesn't use it. */
  return (target: string, input: unknown): object | undefined => {
    switch (target) {
      case 'DynamoDB_20120810.GetItem': {
        const found = find(ReadInput.parse(input).Key)
        return found ? { Item: found } : {}
      }
      case 'DynamoDB_20120810.PutItem':
        table.put(PutInput.parse(input).Item)
        return {}
      case 'DynamoDB_20120810.UpdateItem': {
        const update = WriteInput.parse(input)
        const before = table.update(update)
        return update.ReturnValues === 'ALL_OLD' && before ? { Attributes: before } : {}
      }
      case 'secretsmanager.GetSecretValue':
        return { Name: 'account', VersionStages: ['AWSCURRENT'], SecretString: SECRET }
      default:
        return undefined
    }
  }
}

const SECRET = JSON.stringify({ clientId: 'a3c1', clientSecret: 'an-example-secret' })
