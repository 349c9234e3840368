import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { awsClientConfig, CREDENTIALS, REGION } from '../../local/aws/sdk.ts'
import { type Stack, startStack } from '../../local/stack/stack.ts'
import { projectRoot } from '../structure/source.ts'
import { findWrongArguments, parseAwsCommand, shapeOf, toInput } from './aws-cli.ts'
import { codeBlocksOf, codeSpansOf, documents } from './markdown.ts'
import { readCommands, toCurlRequest } from './shell.ts'

// A reader goes through the documents from top to bottom, with the local stack as the deployed stage, and runs
// every command as it is printed.

/** The order in which they are read. What removes the stage comes last. */
const ORDER = ['README.md', 'docs/form-api.md', 'docs/crm-events.md', 'docs/operations.md']
const LAST = 'docs/deployment.md'

const scripts: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(join(projectRoot, 'package.json'), 'utf8'),
).scripts

interface Step {
  readonly place: string
  readonly path: string
  readonly words: readonly string[]
  readonly text: string
  /** Whether it is in a block, to be copied. Else it is in a sentence, and may be only the name of a command. */
  readonly isBlock: boolean
}

const rankOf = (path: string) => (path === LAST ? 99 : ORDER.indexOf(path) + 1 || 50)
const inOrder = documents.toSorted((one, other) => rankOf(one.path) - rankOf(other.path))

const steps: readonly Step[] = inOrder.flatMap((document) =>
  [
    ...codeBlocksOf(document)
      .filter(({ language }) => language === 'sh')
      .flatMap(({ place, text }) => readCommands(text).map((words) => ({ place, words, isBlock: true }))),
    ...codeSpansOf(document)
      .filter((code) => /^(npm|npx|node|aws|curl) /.test(code))
      .flatMap((code) =>
        readCommands(code).map((words) => ({ place: document.path, words, isBlock: false })),
      ),
  ].map((step) => ({ ...step, path: document.path, text: step.words.join(' ') })),
)

/** Why a command isn't run here. What another test runs names the test. */
interface NotRun {
  readonly command: RegExp
  readonly reason: string
  readonly runs?: string
}

const NOT_RUN: readonly NotRun[] = [
  { command: /^npm run (deploy|doctor -- --stage dev)/, reason: 'needs an AWS account' },
  { command: /^npx serverless remove/, reason: 'needs an AWS account' },
  { command: /^aws cloudformation /, reason: 'needs an AWS account. Its arguments are checked' },
  { command: /^aws sns /, reason: 'there is no local SNS. Its arguments are checked' },
  {
    command: /^aws secretsmanager update-secret/,
    reason: 'the local Secrets Manager has no keys. Its arguments are checked',
  },
  { command: /\$TOKEN/, reason: 'needs an identity provider', runs: 'test/docs/signed-in-consumers.test.ts' },
  { command: /^npm (start|run demo)/, reason: 'starts a stack of its own', runs: 'test/local/start.test.ts' },
  { command: /^npm run package/, reason: 'packages', runs: 'test/packaged.test.ts' },
  { command: /^npm (ci|audit)/, reason: 'installs, or asks the registry' },
  {
    command:
      /^(npm test|npm run (check|test|bench|budget|contracts|sbom|schema|docs|form-client)\b|npx (vitest|biome))/,
    reason: 'runs or writes what the suite checks',
  },
  {
    command: /^npm run ops -- tail/,
    reason: 'runs until it is stopped',
    runs: 'test/cli/commands/tail.test.ts',
  },
  {
    command: /^npm run ops -- request (settle|forget)/,
    reason: 'needs a request whose outcome is unknown',
    runs: 'test/cli/commands/request.test.ts',
  },
]

const NAME: NotRun = {
  command: /^(aws \S+ \S+|npm run [\w:]+( --( [a-z]+){1,2})?)$/,
  reason: 'is the name of a command in a sentence',
}

const reasonOf = ({ text, isBlock }: Step) =>
  [...NOT_RUN, ...(isBlock ? [] : [NAME])].find(({ command }) => command.test(text))

let stack: Stack
let folder: string
let env: Readonly<Record<string, string>>
let sqs: SQSClient

beforeAll(async () => {
  stack = await startStack()
  folder = await mkdtemp(join(tmpdir(), 'campaign-conversations-reader-'))
  sqs = new SQSClient(awsClientConfig(stack.sqs.url))
  env = {
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    AWS_ENDPOINT_URL_EVENTBRIDGE: stack.eventBridge.url,
    AWS_ENDPOINT_URL_SQS: stack.sqs.url,
    AWS_ENDPOINT_URL_DYNAMODB: stack.dynamoDb.url,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: stack.secretsManager.url,
    LIVEPERSON_DOMAIN_API_URL: stack.livePerson.url,
  }
})
afterAll(async () => {
  sqs.destroy()
  await stack.close()
  await rm(folder, { recursive: true, force: true })
})

/** An event in quarantine, the form of the README, whose consumer is anonymous, or an event. */
const requestIdFor = (command: string): string => {
  if (command.includes('quarantine')) return REFUSED
  return command.includes('erase') ? 'b1f4d6c2-5e07-4a9d-8c38-27d90e6a1f54' : 'crm-upgrade-2026-11-23-000732'
}

/** What the reader writes in place of what is in angle brackets. */
const toWrite = (name: string, word: string, command: string): string => {
  const values: Readonly<Record<string, string>> = {
    service: 'campaign-conversations',
    stage: 'local',
    region: REGION,
    // The secrets of the local account exist already.
    accountId: word.startsWith('<service>/') ? '71234567' : '70123456',
    consumerId: 'crm-20731',
    requestId: requestIdFor(command),
    door: 'queue',
    vouchedBy: 'crm',
    code: 'invalid_request',
    time: new Date(Date.now() - 3_600_000).toISOString(),
    EventsQueueUrl: stack.sqs.eventsQueueUrl,
    HandOverQueueUrl: stack.sqs.handOverQueueUrl,
    QuarantineQueueUrl: stack.sqs.quarantineQueueUrl,
    StateTableName: stack.dynamoDb.stateTable,
  }
  const value = values[name]
  if (value === undefined) throw new Error(`Nothing here says what to write for <${name}>`)
  return value
}

const fillIn = (words: readonly string[]): readonly string[] =>
  words.map((word) => fill(word, words.join(' ')))

const fill = (word: string, command: string): string =>
  word
    .replaceAll(/<([\w ]+)>/g, (_, name: string) => toWrite(name, word, command))
    .replaceAll('$API_URL', stack.apiUrl)
    .replaceAll('$EVENTS_QUEUE_URL', stack.sqs.eventsQueueUrl)
    .replaceAll('http://127.0.0.1:4570', stack.livePerson.url)

const opened = () => stack.livePerson.conversations().length

const runCurl = async (words: readonly string[]): Promise<number> => {
  const { method, url, headers, body } = toCurlRequest(fillIn(words))
  return (await fetch(url, { method, headers, body: body ?? null })).status
}

const runAws = async (words: readonly string[]): Promise<unknown> => {
  const command = parseAwsCommand(fillIn(words))
  const shape = await shapeOf(command)
  if (!shape) throw new Error(`There is no ${command.operation}`)
  const endpoints: Readonly<Record<string, string>> = {
    sqs: stack.sqs.url,
    dynamodb: stack.dynamoDb.url,
    secretsmanager: stack.secretsManager.url,
    lambda: stack.lambdaUrl,
  }
  const client = new shape.Client(awsClientConfig(endpoints[command.service] ?? ''))
  try {
    const input = toInput(command, shape, (name) => readFileSync(join(folder, name), 'utf8'))
    return await client.send(new shape.Command(input))
  } finally {
    client.destroy()
  }
}

/** Runs an npm script as npm would, in the folder of the project. */
const runScript = async (words: readonly string[]) => {
  const [, , name = '', , ...args] = fillIn(words)
  const [program = '', ...first] = (scripts[name] ?? '').split(' ')
  expect(program).toBe('node')
  const given = args.map((arg) => (arg === 'event.json' ? join(folder, arg) : arg))
  const child = spawn(process.execPath, [...first, ...given], {
    cwd: projectRoot,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let printed = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text
    })
  const [code] = await once(child, 'close')
  return { code, printed }
}

/** The id of an event that can not succeed. */
const REFUSED = 'crm-without-route-000001'

/** Sees to it that the event is in quarantine. */
const quarantineOne = async (): Promise<void> => {
  const body = JSON.stringify({ requestId: REFUSED, route: 'unknown' })
  if ((await quarantined()).includes(body)) return
  await sqs.send(new SendMessageCommand({ QueueUrl: stack.sqs.eventsQueueUrl, MessageBody: body }))
  await vi.waitFor(async () => expect(await quarantined()).toContain(body), {
    timeout: 10_000,
    interval: 200,
  })
}

/** Commands that ask whether to go on. */
const ASKS = /quarantine (drop|replay --reopen)/

/** Runs a step, and checks that it did what its document says. */
const follow = async ({ words, text }: Step): Promise<void> => {
  const [program, verb] = words
  if (program === 'curl') {
    const before = opened()
    const status = await runCurl(words)
    expect([text, status < 300]).toEqual([text, true])
    if (text.includes('/conversations -H') || text.includes('/conversations -d'))
      expect(opened()).toBe(before + 1)
  } else if (program === 'aws') {
    const before = opened()
    await runAws(words)
    if (text.startsWith('aws sqs send-message'))
      await vi.waitFor(() => expect(opened()).toBe(before + 1), { timeout: 10_000 })
  } else if (program === 'npm' && verb === 'run') {
    if (text.startsWith('npm run ops -- quarantine')) await quarantineOne()
    // A reader answers the question at a terminal.
    const { code, printed } = await runScript(ASKS.test(text) ? [...words, '--yes'] : words)
    // The event in quarantine can't be corrected, so its replay comes back, and the command says so.
    const isReplay = /^npm run ops -- quarantine replay (?!.*--(help|dry-run))/.test(text)
    expect([text, code, printed]).toEqual([text, isReplay ? 1 : 0, printed])
    if (isReplay) expect(printed).toContain('Its record is in quarantine again')
  } else throw new Error(`Nothing here runs ${text}`)
}

const quarantined = async () => {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: stack.sqs.quarantineQueueUrl,
      MaxNumberOfMessages: 10,
      VisibilityTimeout: 0,
      WaitTimeSeconds: 0,
    }),
  )
  return Messages.map(({ Body }) => Body)
}

test('every command of the AWS CLI has arguments that it knows', async () => {
  const aws = steps.filter(({ words: [program], text }) => program === 'aws' && text.includes(' --'))
  expect(aws.length).toBeGreaterThan(15)
  const wrong = await Promise.all(
    aws.map(async ({ place, words }) => [place, ...(await findWrongArguments(parseAwsCommand(words)))]),
  )
  expect(wrong.filter(([, first]) => first !== undefined)).toEqual([])
})

/** The page says that an envelope of more than 30 days needs a current time. */
const withoutAge = (time: string): string =>
  Date.now() - Date.parse(`${time}Z`) < 29 * 86_400_000 ? time : new Date().toISOString().slice(0, 19)

describe('envelopes as they are printed', () => {
  const page = documents.find(({ path }) => path === 'docs/crm-events.md')
  const envelopes = (page ? codeBlocksOf(page) : []).filter(({ text }) =>
    /"(detail-type|Message)"/.test(text),
  )

  test('are one of SNS and one of EventBridge', () => {
    expect(envelopes).toHaveLength(2)
  })

  test.each(envelopes)('$place opens a conversation', async ({ text }) => {
    const before = opened()
    const body = text.replaceAll(/2026-11-23T[\d:]+/g, withoutAge)
    await sqs.send(new SendMessageCommand({ QueueUrl: stack.sqs.eventsQueueUrl, MessageBody: body }))
    await vi.waitFor(() => expect(opened()).toBe(before + 1), { timeout: 10_000 })
    expect(await quarantined()).not.toContain(body)
  })
})

const NOTHING = { path: '', text: '' }

describe.each(inOrder.map(({ path }) => path))('%s', (path) => {
  const own = steps.filter((step) => step.path === path)
  // The first example of an event is what the reader saves.
  const [example] = codeBlocksOf(inOrder.find((document) => document.path === path) ?? NOTHING).filter(
    ({ language }) => language === 'json' && ['README.md', 'docs/crm-events.md'].includes(path),
  )

  test.runIf(own.some((step) => !reasonOf(step)))(
    'can be followed from top to bottom',
    async () => {
      if (example) await writeFile(join(folder, 'event.json'), example.text)
      const done = new Set<string>()
      for (const step of own) {
        if (reasonOf(step) || done.has(step.text)) continue
        done.add(step.text)
        // With the same event.json, the second command of a page sends a copy, which opens nothing.
        const isCopy =
          step.text.includes('send-message') &&
          [...done].filter((text) => text.includes('send-message')).length > 1
        if (isCopy) await runAws(step.words)
        else await follow(step)
      }
    },
    180_000,
  )
})

describe('what is not run', () => {
  test('is listed, and nothing in the list is superfluous', () => {
    const used = new Set(steps.map(reasonOf))
    expect(NOT_RUN.filter((entry) => !used.has(entry)).map(({ command }) => String(command))).toEqual([])
  })

  test('is run by a test that exists, or can not be run here', () => {
    for (const { runs, reason } of NOT_RUN) {
      expect(reason.length).toBeGreaterThan(5)
      if (runs !== undefined) expect([runs, existsSync(join(projectRoot, runs))]).toEqual([runs, true])
    }
  })

  test('is printed', () => {
    const listed = steps.flatMap((step) => {
      const found = reasonOf(step)
      return found ? [`${step.place}: ${step.text.slice(0, 80)}: ${found.runs ?? found.reason}`] : []
    })
    console.info([...new Set(listed)].join('\n'))
    expect(listed.length).toBeGreaterThan(10)
    expect(steps.length - listed.length).toBeGreaterThan(20)
  })
})
