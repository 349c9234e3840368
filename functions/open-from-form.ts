import middy from '@middy/core'
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda'
import { connect, type Service } from '../lib/service/open.ts'
import { openFromForm } from './form-door.ts'
import { answerProblem, endOf, SHELL, start } from './lambda.ts'

/** `POST /conversations` of a service. */
export const createHandler = (service: () => Service) =>
  middy(
    (event: APIGatewayProxyEventV2, context: Context) =>
      openFromForm(service(), event, endOf(service(), context)),
    SHELL,
  ).onError(answerProblem)

await start(connect)

export const handler = createHandler(connect)
