import middy from '@middy/core'
import type { Context, SQSEvent } from 'aws-lambda'
import { connect, type Service } from '../lib/service/open.ts'
import { endOf, failWhole, SHELL, start } from './lambda.ts'
import { openFromRecords } from './queue-door.ts'

/** Records of the events queue, for a service. */
export const createHandler = (service: () => Service) =>
  middy(
    ({ Records }: SQSEvent, context: Context) =>
      openFromRecords(service(), Records, endOf(service(), context)),
    SHELL,
  ).onError(failWhole)

await start(connect)

export const handler = createHandler(connect)
