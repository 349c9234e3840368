import { toProblem } from '../functions/http/problem.ts'
import { CODES, type Code, GUIDANCE, isCode } from '../lib/errors/codes.ts'
import { InvalidRequestError } from '../lib/errors/errors.ts'

const WIDTH = 110

const INTRO = [
  'Every failure has one of the codes below. A code appears in four places: in the problem that an HTTP call returns, in the status of a request (`GET /conversations/{requestId}`, `GET /events/{accountId}/{requestId}`), in the message attributes of a quarantined record, and in the log.',
  'Match on `code`. Its meaning never changes. Titles and details may be reworded.',
]

const PROBLEM = [
  'Problems follow [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) and have the content type `application/problem+json`:',
]

const MEMBERS = [
  '`type`: a URN that ends with the code. It is not a URL that you can open.',
  '`title`: a summary. It is the same for every problem with this code.',
  '`status`: the HTTP status.',
  '`code`: the code to match on.',
  '`detail`: what went wrong this time, for people.',
  "`retryable`: whether the same request may succeed later. If `true`, retry it with the same `requestId`, which doesn't open a second conversation. If `false`, something has to change first.",
  '`requestId`: the id of the request. It is missing if the request has no id, or if the id could not be read.',
  '`errors`: up to 20 findings, only for `invalid_request`. An empty `path` means the whole body.',
]

const AFTER_MEMBERS = [
  'Every 503 has `Retry-After`, in seconds. Every 5xx of the codes below is retryable and no 4xx is, so clients that look only at the status behave correctly.',
  'API Gateway responds to some calls itself, without a problem document. After its 429 (too many requests), retry after a pause.',
]

const RECORD_WORDS = {
  retried:
    'Is retried with growing delays. After `giveUpAfterHours`, it moves to [the quarantine queue](operations.md#the-quarantine-queue).',
  quarantined:
    'Moves to the quarantine queue at once, with `code`, `detail` and `requestId` as message attributes.',
  quarantined_after_five:
    'Moves to the quarantine queue after five interrupted attempts, with `code`, `detail` and `requestId` as message attributes.',
  not_applicable: 'Does not occur.',
} as const

/** What the log's level means for a code. */
const LEVEL_WORDS = {
  info: '`INFO`. If a record is given up, `ERROR`.',
  warn: '`WARN`.',
  error: '`ERROR`.',
  repeated:
    '`ERROR` once in ten minutes per account, and `INFO` in between. If a record is given up, `ERROR`.',
} as const

/** Returns the text of docs/errors.md: what each code in the table means, and what to do. */
export function toErrorDocs(): string {
  const codes = Object.keys(CODES).filter(isCode)
  const blocks = [
    '# Errors',
    '<!-- Generated from lib/errors/codes.ts by `npm run docs:errors`. -->',
    ...INTRO.map((text) => wrap(text)),
    '## Problems',
    ...PROBLEM.map((text) => wrap(text)),
    `\`\`\`json\n${toExample()}\n\`\`\``,
    MEMBERS.map(toItem).join('\n'),
    ...AFTER_MEMBERS.map((text) => wrap(text)),
    '## Codes',
    toTable(codes),
    ...codes.map(toSection),
  ]
  return `${blocks.join('\n\n')}\n`
}

function toExample(): string {
  const error = new InvalidRequestError([{ path: 'consumer.email', message: 'must be a string' }])
  const { body = '' } = toProblem(error, 'order-4711-help')
  return JSON.stringify(JSON.parse(body), undefined, 2)
}

function toTable(codes: readonly Code[]): string {
  const rows = codes.map((code) => {
    const { httpStatus, retryable, title } = CODES[code]
    return `| [\`${code}\`](#${code}) | ${httpStatus} | ${retryable ? 'yes' : 'no'} | ${title} |`
  })
  return ['| code | HTTP status | retryable | title |', '| --- | --- | --- | --- |', ...rows].join('\n')
}

function toSection(code: Code): string {
  const { httpStatus, retryable, title, logLevel } = CODES[code]
  const { meaning, sender, operator, record } = GUIDANCE[code]
  return [
    `### ${code}`,
    `**${httpStatus} ${title}** · ${retryable ? 'retryable' : 'not retryable'}`,
    wrap(meaning),
    [
      `**Sender:** ${sender}`,
      `**Operator:** ${operator}`,
      `**Queue record:** ${RECORD_WORDS[record]}`,
      `**Log level:** ${LEVEL_WORDS[logLevel === 'error' && retryable ? 'repeated' : logLevel]}`,
    ]
      .map(toItem)
      .join('\n'),
  ].join('\n\n')
}

function toItem(text: string): string {
  return wrap(`- ${text}`, '  ')
}

/** Breaks a paragraph at spaces, so that no line is wider than `WIDTH` unless a single word is. */
function wrap(text: string, indent = ''): string {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const line = lines.at(-1)
    if (line !== undefined && line.length + 1 + word.length <= WIDTH)
      lines[lines.length - 1] = `${line} ${word}`
    else lines.push(lines.length === 0 ? word : `${indent}${word}`)
  }
  return lines.join('\n')
}
