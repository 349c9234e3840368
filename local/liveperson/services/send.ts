import { type Answer, badRequest, json, ok, refusals } from '../http/answer.ts'
import type { ReceivedRequest } from '../http/request.ts'
import { type Check, integer, list, must, object, oneOf } from '../json/check.ts'
import { isObject, type JsonObject } from '../json/value.ts'
import { readClientProperties } from '../messaging/client-properties.ts'
import { readEnvelope } from '../messaging/envelope.ts'
import { applyProfile } from '../messaging/profile.ts'
import { publish } from '../messaging/publish.ts'
import type { State } from '../state/state.ts'
import type { Conversation } from '../state/store.ts'
import { readAuthorized } from './authorize.ts'

/**
 * Answers SEND: publishes an event, updates a field of the conversation (state, dialog, TTR, CSAT), or sets
 * the profile. Refuses another consumer's conversation with 40103.
 *
 * A `DialogChange` that closes the main dialog starts a survey if the client declares MULTI_DIALOG. Events
 * and a second `DialogChange` can then name the survey's dialog. Closing that closes the conversation.
 *
 * @see https://developers.liveperson.com/connector-api-send-api-send.html
 */
export const answerSend = (state: State, request: ReceivedRequest): Answer => {
  const read = readAuthorized(state, request, state.settings.sendLimit)
  if (read.refusal !== undefined) return read.refusal
  const { consumer } = read
  const envelope = readEnvelope(read.json)
  if (typeof envelope === 'string') return badRequest(`Bad Request: ${envelope}`)
  const { id, type, body } = envelope

  if (type === 'userprofile.SetUserProfile') {
    const result = applyProfile(state, consumer, envelope)
    return json(result.code === 'OK' ? 200 : 400, result)
  }
  if (type !== 'ms.PublishEvent' && type !== 'cm.UpdateConversationField') {
    return badRequest(`Bad Request: ${type} isn't supported`, id)
  }

  const publishes = type === 'ms.PublishEvent'
  // The main dialog has the same id as its conversation.
  const target = publishes ? body.dialogId : body.conversationId
  if (typeof target !== 'string') {
    return badRequest(`Bad Request: ${publishes ? 'dialogId' : 'conversationId'} is missing`, id)
  }
  const main = state.store.conversations.get(target)
  const parent = state.store.conversations.get(String(body.conversationId))
  const isForSurvey = publishes && main === undefined && parent?.surveyDialogId === target
  const conversation = isForSurvey ? parent : main
  if (conversation === undefined || conversation.accountId !== request.accountId) {
    return badRequest('Bad Request: unknown conversation', id)
  }
  if (publishes && !isForSurvey && body.conversationId !== undefined && body.conversationId !== target) {
    return badRequest("Bad Request: the dialog doesn't belong to this conversation", id)
  }
  if (conversation.lpConsumerId !== consumer.lpConsumerId) return refusals.consumerJwsInvalid
  // While a survey is open, the conversation can be closed, but its main dialog takes no events.
  const isClosed = (publishes && !isForSurvey ? conversation.mainDialog : conversation.state) === 'CLOSE'
  if (isClosed) return badRequest('Bad Request, Conversation is close', id)

  if (publishes) {
    const sequence = publish(state, conversation, body)
    if (typeof sequence === 'string') return badRequest(`Bad Request: ${sequence}`, id)
    return json(200, ok(sequence === undefined ? {} : { sequence }, id))
  }
  const problem = fields(body.conversationField, 'conversationField')
  if (problem !== undefined) return badRequest(`Bad Request: ${problem}`, id)
  const changes = [body.conversationField].flat().filter(isObject)
  if (changes.some((change) => isUnknownDialog(change, conversation)))
    return badRequest('Bad Request: unknown dialog', id)
  const { clientProperties = conversation.clientProperties } = readClientProperties(request)
  const features = [clientProperties?.features].flat()
  const msg = updateFields(state, conversation, changes, features.includes('MULTI_DIALOG'))
  return json(200, ok({ msg }, id))
}

const dialogIdOf = (change: JsonObject): unknown =>
  change.field === 'DialogChange' && isObject(change.dialog) ? change.dialog.dialogId : undefined

const isUnknownDialog = (change: JsonObject, { conversationId, surveyDialogId }: Conversation): boolean =>
  change.field === 'DialogChange' && ![conversationId, surveyDialogId].includes(String(dialogIdOf(change)))

const fieldChecks: Readonly<Record<string, Check>> = {
  ConversationStateField: object({ conversationState: oneOf('CLOSE') }, { required: ['conversationState'] }),
  TTRField: object(
    {
      ttrType: oneOf('CUSTOM', 'NORMAL', 'PRIORITIZED', 'URGENT'),
      value: must('a non-negative integer', (value) => Number.isInteger(value) && Number(value) >= 0),
    },
    { required: ['ttrType'] },
  ),
  CSATRate: object({ csatRate: integer, status: oneOf('FILLED') }, { required: ['csatRate'] }),
  DialogChange: object(
    { type: oneOf('UPDATE'), dialog: object({ state: oneOf('CLOSE') }, { required: ['dialogId', 'state'] }) },
    { required: ['type', 'dialog'] },
  ),
}

const field: Check = (value, path) => {
  const name = isObject(value) ? String(value.field) : ''
  const check = Object.hasOwn(fieldChecks, name) ? fieldChecks[name] : undefined
  return check === undefined ? `${path}.field is unknown` : check(value, path)
}

// One change may stand alone, without an array.
const fields: Check = (value, path) => (Array.isArray(value) ? list(field)(value, path) : field(value, path))

const updateFields = (
  state: State,
  conversation: Conversation,
  changes: readonly JsonObject[],
  hasDialogs: boolean,
) => {
  let msg = 'OK Conversation updated successfully'
  for (const change of changes) {
    if (change.field === 'TTRField') {
      conversation.ttr = String(change.ttrType)
      if (typeof change.value === 'number') conversation.ttrSeconds = change.value
    } else if (change.field === 'CSATRate') {
      conversation.csatRate = Number(change.csatRate)
    } else if (hasDialogs && dialogIdOf(change) === conversation.conversationId) {
      state.store.startSurvey(conversation)
    } else {
      state.store.close(conversation)
      msg = 'OK Conversation resolved successfully'
    }
  }
  return msg
}
