import middy from '@middy/core'
import type { APIGatewayProxyEventV2, EventBridgeEvent } from 'aws-lambda'
import { connectDomains, type DomainsService } from '../lib/service/open.ts'
import { answerProblem, SHELL } from './lambda.ts'
import { refreshDomains } from './refresh-domains-call.ts'

/** `POST /domains/refresh` and the schedule, of a service. */
export const createHandler = (service: () => DomainsService) =>
  middy(
    (_: APIGatewayProxyEventV2 | EventBridgeEvent<string, unknown>) => refreshDomains(service()),
    SHELL,
  ).onError(answerProblem)

export const handler = createHandler(connectDomains)
