import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { CODES } from '../../lib/errors/codes.ts'
import { type AcceptedRequest, toRequestId } from '../../lib/request/conversation-request.ts'
import { isDerived } from '../../lib/request/identity.ts'
import { type Entrance, type Explanation, explainRequest } from '../explanation.ts'
import { MASKED, maskValues } from '../mask.ts'
import { openStage } from '../open-stage.ts'
import { COMMAND_OPTIONS } from '../settings.ts'
import { type Command, type CommandContext, type ExitCode, UsageError } from './command.ts'

const ENTRANCES = ['queue', 'form', 'hand-over'] as const satisfies readonly Entrance[]

const HELP = `npm run ops -- explain <file> [--door queue|form|hand-over] [--show] [--stage <stage>] [--json]

Shows what would happen to the request in a file: how it is parsed, its account, route, id and consumer, and the
exact bodies that LivePerson would get. Nothing is sent, and no AWS credentials are needed. Personal values are
masked. - reads the standard input.

  --door           where the request arrives. Default: queue, a CRM event, also in an envelope. form: JSON or
                   URL-encoded. hand-over: a body of the hand-over queue
  --id             the Idempotency-Key of a form, or the SQS message id of an event. It counts if the request has no
                   id of its own. Default: a random one
  --show           print personal values as they are
  --stage          default dev
  --local          the local stack of npm start, as --stage local
  --config-file    default: that of the stage
  --json           print one JSON object: {stage, door, accepted, requestId, accountId, route, campaignId,
                   engagementId, ttr, consumerId, vouchedBy, ledgerKey, warnings, request, conversationBody,
                   messageBody}, or {stage, door, accepted, code, httpStatus, detail, errors}

The challenge of a bot check counts as solved. A consumer token can't be verified here, so a form that needs one is
shown as refused. Exits with 0 if the request would be accepted, 1 if not, 2 for wrong arguments.`

const OPTIONS = {
  ...COMMAND_OPTIONS,
  door: { type: 'string' },
  id: { type: 'string' },
  show: { type: 'boolean' },
} as const

const run = async (args: readonly string[], context: CommandContext): Promise<ExitCode> => {
  const { values: flags, positionals } = parseArgs({
    args: [...args],
    options: OPTIONS,
    allowPositionals: true,
  })
  const [file, ...more] = positionals
  if (file === undefined || more.length > 0) throw new UsageError('Name one file: explain <file>.')
  const entrance = ENTRANCES.find((one) => one === (flags.door ?? 'queue'))
  if (!entrance) throw new UsageError(`--door must be ${ENTRANCES.join(', ')}.`)
  if (flags.id !== undefined && toRequestId(flags.id) === undefined)
    throw new UsageError('--id must be 8 to 128 letters, digits or . _ : -')
  const stage = openStage(flags, context.env)
  const explanation = await explainRequest({
    stage: stage.config,
    entrance,
    text: read(file),
    requestId: flags.id ?? randomUUID(),
    now: context.now(),
  })
  const about = { stage: stage.name, door: entrance }
  const shown = flags.show ? (value: unknown) => value : maskValues
  if (flags.json) context.print(JSON.stringify({ ...about, ...toJson(explanation, shown) }))
  else for (const line of describe(explanation, entrance, shown, context)) context.print(line)
  return explanation.kind === 'accepted' ? 0 : 1
}

const read = (file: string): string => {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (cause) {
    throw new UsageError(`${file} can't be read.`, { cause })
  }
}

type Shown = (value: unknown) => unknown

const toJson = (explanation: Explanation, shown: Shown) => {
  if (explanation.kind === 'refused') {
    const { code, message, findings } = explanation.error
    const { httpStatus } = CODES[code]
    return { accepted: false, code, httpStatus, detail: message, errors: findings.map(safe) }
  }
  const { request, destination, ledgerKey, conversationBody, messageBody } = explanation
  const { requestId, accountId, consumerId, vouchedBy, warnings, ...content } = withoutOwn(request)
  const { campaignId, engagementId, ttr } = destination
  return {
    accepted: true,
    ...{ requestId, accountId, route: request.route, campaignId, engagementId, ttr },
    consumerId: isDerived(consumerId) ? consumerId : showId(consumerId, shown),
    ...{ vouchedBy, ledgerKey, warnings },
    request: shown(content),
    conversationBody: shown(conversationBody),
    messageBody: messageBody && shown(messageBody),
  }
}

/** Leaves out what the other members follow from. */
const withoutOwn = ({ door: _, fingerprint: __, ...request }: AcceptedRequest) => request

/** An id that was derived from the request is not personal. */
const showId = (consumerId: string, shown: Shown) => (shown === maskValues ? MASKED : consumerId)

/** A name that the sender chose can be personal. */
const safe = ({
  path,
  maskedPath = path,
  message,
}: {
  path: string
  maskedPath?: string
  message: string
}) => ({
  path: maskedPath,
  message,
})

const describe = (
  explanation: Explanation,
  entrance: Entrance,
  shown: Shown,
  { paint }: CommandContext,
): readonly string[] => {
  if (explanation.kind === 'refused') {
    const { code, message, findings } = explanation.error
    const consequence =
      entrance === 'form'
        ? `The form is answered with ${CODES[code].httpStatus}.`
        : 'The record is quarantined.'
    return [
      `${paint('red', 'Refused')}: ${code}. ${message}`,
      ...findings.map(safe).map(({ path, message: found }) => `  ${path || 'the body'} ${found}`),
      consequence,
    ]
  }
  const { request, destination, ledgerKey, conversationBody, messageBody } = explanation
  const { campaignId, engagementId, ttr } = destination
  const { requestId, accountId, consumerId, vouchedBy, warnings, ...content } = withoutOwn(request)
  const path = `/api/account/${accountId}/messaging/consumer/conversation`
  const from = isDerived(consumerId) ? 'derived from the request' : 'given by the sender'
  const rows: readonly (readonly [string, string])[] = [
    ['request id', requestId],
    ['account', accountId],
    ['route', request.route ?? 'none'],
    ['campaign', `${campaignId}, engagement ${engagementId}, ttr ${ttr}`],
    [
      'consumer',
      `${isDerived(consumerId) ? consumerId : showId(consumerId, shown)}, ${from}, vouched for by ${vouchedBy}`,
    ],
    ['ledger key', ledgerKey],
    ...warnings.map(({ path: at, message }): readonly [string, string] => ['warning', `${at} ${message}`]),
  ]
  return [
    paint('green', 'Accepted'),
    ...rows.map(([name, value]) => `  ${`${name}:`.padEnd(12)} ${value}`),
    '',
    'As parsed:',
    format(shown(content)),
    '',
    `POST ${path}?v=3`,
    format(shown(conversationBody)),
    ...(messageBody ? ['', `Then POST ${path}/send?v=3`, format(shown(messageBody))] : []),
    '',
    'Nothing was sent.',
  ]
}

const format = (value: unknown) => JSON.stringify(value, undefined, 2)

/** `explain`: what would happen to a request. */
export const explain: Command = {
  summary: 'says what would happen to the request in a file',
  help: HELP,
  run,
}
