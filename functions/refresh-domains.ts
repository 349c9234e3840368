import middy from '@middy/core'
import type { APIGatewayProxyEventV2, EventBridgeEvent } from 'aws-lambda'
import { connectDomains, type DomainsService } from '../lib/connect.ts'
import { refreshDomains } from '../lib/refresh-domains.ts'
import { answerProblem, SHELL } from '../lib/shell.ts'

/** `POST /domains/refresh` and the schedule, of a service. */
export const createHandler = (service: () => DomainsService) =>
  middy(
    (_: APIGatewayProxyEventV2 | EventBridgeEvent<string, unknown>) => refreshDomains(service()),
    SHELL,
  ).onError(answerProblem)

export const handler = createHandler(connectDomains)
