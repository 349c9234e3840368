import { type Answer, json } from '../http/answer.ts'
import type { ReceivedRequest, Service } from '../http/request.ts'
import type { State } from '../state/state.ts'
import { answerAccountConfig } from './account-config.ts'
import { answerConversation } from './conversation.ts'
import { answerDomainApi } from './domain-api.ts'
import { answerIdp } from './idp.ts'
import { answerSend } from './send.ts'
import { answerSentinel } from './sentinel.ts'

type AnswerService = (state: State, request: ReceivedRequest) => Answer | Promise<Answer>

const services: Partial<Record<Service, AnswerService>> = {
  domain: answerDomainApi,
  sentinel: answerSentinel,
  idp: answerIdp,
  conversation: answerConversation,
  send: answerSend,
  accountConfig: answerAccountConfig,
}

/** Returns a LivePerson service's answer to a request: 404 if no service has its path. */
export const answer: AnswerService = (state, request) =>
  services[request.service]?.(state, request) ?? notFound

/** The answer for an unknown path. */
export const notFound = json(404, { error: 'Not found' })
