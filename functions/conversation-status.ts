import middy from '@middy/core'
import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import { connectStatus, type StatusService } from '../lib/service/open.ts'
import { answerProblem, SHELL } from './lambda.ts'
import { answerStatus } from './request-status.ts'

/** `GET /conversations/{requestId}` of a service. */
export const createHandler = (service: () => StatusService) =>
  middy((event: APIGatewayProxyEventV2) => answerStatus(service(), event), SHELL).onError(answerProblem)

export const handler = createHandler(connectStatus)
