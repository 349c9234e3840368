import { Worker } from 'node:worker_threads'
import { CreateTableCommand, DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { z } from 'zod'
import { PortTakenError } from '../net/listen.ts'
import { readResources } from './resources.ts'
import { awsClientConfig } from './sdk.ts'
import type { TableWrite } from './table-stream.ts'

/** A running local DynamoDB. */
export interface LocalDynamoDb {
  readonly url: string
  /** The table's name. */
  readonly stateTable: string
  close(): Promise<void>
}

/**
 * Starts dynalite with the state table that infrastructure/state-table.yml declares. It supports neither TTL
 * nor transactions.
 *
 * @param options.port Default: a free one.
 * @param options.onWrite Called with each write of an item of the state table, in the order of the writes.
 *   Default: writes are not captured.
 * @throws {PortTakenError}
 */
export async function startDynamoDb(
  options: { readonly port?: number; readonly onWrite?: (write: TableWrite) => void } = {},
): Promise<LocalDynamoDb> {
  const { port = 0, onWrite } = options
  const worker = new Worker(new URL('./dynamodb-worker.ts', import.meta.url), {
    workerData: { port, captures: onWrite !== undefined },
    execArgv: [],
  })
  const url = `http://127.0.0.1:${await waitForPort(worker, port)}`
  if (onWrite) worker.on('message', (message: unknown) => onWrite(Captured.parse(message)))
  const table = readResources().stateTable
  const client = new DynamoDBClient(awsClientConfig(url))
  try {
    await client.send(new CreateTableCommand(table))
    while (
      (await client.send(new DescribeTableCommand({ TableName: table.TableName }))).Table?.TableStatus !==
      'ACTIVE'
    );
  } finally {
    client.destroy()
  }
  return {
    url,
    stateTable: table.TableName,
    async close() {
      await worker.terminate()
    },
  }
}

/** The images are dynalite's own. */
const image = z.custom<NonNullable<TableWrite['newImage']>>((value) => typeof value === 'object').optional()
const Captured = z.object({ oldImage: image, newImage: image })

const Started = z.union([
  z.object({ port: z.number() }),
  z.object({ error: z.string(), code: z.string().optional() }),
])

function waitForPort(worker: Worker, wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new Error(`The local DynamoDB exited with code ${code}.`)))
    worker.once('message', (message: unknown) => {
      const started = Started.parse(message)
      if ('port' in started) return resolve(started.port)
      void worker.terminate()
      reject(started.code === 'EADDRINUSE' ? new PortTakenError(wanted) : new Error(started.error))
    })
  })
}
