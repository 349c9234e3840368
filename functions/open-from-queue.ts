import middy from '@middy/core'
import type { Context, SQSEvent } from 'aws-lambda'
import { connect, type Service } from '../lib/connect.ts'
import { openFromRecords } from '../lib/queue-door.ts'
import { endOf, failWhole, SHELL, start } from '../lib/shell.ts'

/** Records of the events queue, for a service. */
export const createHandler = (service: () => Service) =>
  middy(
    ({ Records }: SQSEvent, context: Context) =>
      openFromRecords(service(), Records, endOf(service(), context)),
    SHELL,
  ).onError(failWhole)

await start(connect)

export const handler = createHandler(connect)
