import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { toProblem } from '../../functions/http/problem.ts'
import { parseStageConfig, warningsOf } from '../../lib/config/stage.ts'
import { InvalidRequestError } from '../../lib/errors/errors.ts'
import { parseForm } from '../../lib/request/form.ts'
import { readResources } from '../../local/aws/resources.ts'
import { toDeployerPolicy } from '../../tools/deployer-policy.ts'
import { createClient } from '../../web/client.ts'
import { projectRoot } from '../structure/source.ts'
import { startApi } from '../support/api.ts'
import {
  ACCOUNT,
  askEventStatus,
  askStatus,
  bodyOf,
  deliver,
  startWorld,
  submit,
  toRecord,
  type World,
} from '../support/world.ts'
import { anchorsOf, type CodeBlock, codeBlocksOf, codeSpansOf, documents, linksOf } from './markdown.ts'
import { type CurlRequest, readCommands, toCurlRequest } from './shell.ts'

const inProject = (path: string) => join(projectRoot, path)
const readJson = (path: string) => JSON.parse(readFileSync(inProject(path), 'utf8'))

const blocks = documents.flatMap(codeBlocksOf)
const inLanguage = (language: string) => blocks.filter((block) => block.language === language)

const COMMAND = /^(npm|npx|node|aws|curl) /
const commands = documents.flatMap((document) => [
  ...codeBlocksOf(document)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ place, text }) => readCommands(text).map((words) => ({ place, words }))),
  ...codeSpansOf(document)
    .filter((code) => COMMAND.test(code))
    .flatMap((code) => readCommands(code).map((words) => ({ place: document.path, words }))),
])

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterEach(() => world.livePerson.reset())
afterAll(() => world.close())

/** The configuration that the examples are written for. */
const exampleStage = () => {
  const stage = readJson('config/dev.json')
  return { ...stage, accounts: [{ ...stage.accounts[0], form: { campaigns: 'any' } }] }
}

/** LivePerson's name of the events that the webhook gets. */
const WEBHOOK = 'cqm.ExConversationChangeNotification'

const SIMULATOR = 'http://127.0.0.1:4570'

describe('commands', () => {
  const programs = new Set(commands.map(({ words: [name] }) => name))

  test('are found, and every program is known here', () => {
    expect(commands.length).toBeGreaterThan(40)
    expect([...programs].sort()).toEqual(['aws', 'curl', 'npm', 'npx'])
  })

  test('of npm name a script of package.json', () => {
    const { scripts } = readJson('package.json')
    const builtIn = ['ci', 'audit', 'test', 'start']
    const unknown = commands
      .filter(({ words: [name] }) => name === 'npm')
      .filter(({ words: [, verb = '', script = ''] }) =>
        verb === 'run' ? !Object.hasOwn(scripts, script) : !builtIn.includes(verb),
      )
    expect(unknown).toEqual([])
    expect(scripts.test).toBeDefined()
    expect(scripts.start).toBeDefined()
  })

  test('of npx name an installed program, and files that exist', () => {
    const unknown = commands
      .filter(({ words: [name] }) => name === 'npx')
      .filter(
        ({ words: [, program = '', ...rest] }) =>
          !existsSync(inProject(`node_modules/.bin/${program}`)) ||
          rest.some((word) => /^[\w.-]+\/[\w./-]+$/.test(word) && !existsSync(inProject(word))),
      )
    expect(unknown).toEqual([])
  })

  test('name outputs that the stack has', () => {
    const files = ['outputs.yml', 'stacks/customer-key.yml', 'stacks/cloudfront.yml']
    const Outputs = Object.assign(
      {},
      ...files.map((file) => parseYaml(readFileSync(inProject(`infrastructure/${file}`), 'utf8')).Outputs),
    )
    const named = commands.flatMap(({ words }) =>
      words.flatMap((word) => [...word.matchAll(/<([A-Z]\w+(?:Arn|Url|Name))>/g)].map(([, name]) => name)),
    )
    // The Serverless Framework adds it.
    const other = ['ServerlessDeploymentBucketName']
    expect(named.length).toBeGreaterThan(4)
    expect(
      [...new Set(named)].filter(
        (name) => !Object.hasOwn(Outputs, name ?? '') && !other.includes(name ?? ''),
      ),
    ).toEqual([])
  })
})

describe('curl examples', () => {
  const examples = commands
    .filter(({ words: [name] }) => name === 'curl')
    .map(({ place, words }) => ({ place, request: toCurlRequest(words) }))
  const posts = examples.filter(({ request }) => request.url === '$API_URL/conversations')
  const gets = examples.filter(({ request }) => request.url.startsWith('$API_URL/conversations/'))
  const events = examples.filter(({ request }) => request.url.startsWith('$API_URL/events/'))
  const simulator = examples.filter(({ request }) => request.url.startsWith(SIMULATOR))

  test('all go to the API or to the simulator', () => {
    expect(posts.length).toBeGreaterThan(3)
    expect(gets.length).toBeGreaterThan(0)
    expect(events.length).toBeGreaterThan(0)
    expect(simulator.length).toBeGreaterThan(0)
    expect(examples.length).toBe(posts.length + gets.length + events.length + simulator.length)
  })

  test.each(posts)('$place is accepted by the form', async ({ request: { method, headers, body } }) => {
    const service = world.createService({ stage: exampleStage() })
    // The example's token is a shell variable, and tokens have tests of their own.
    const { authorization = 'Bearer $TOKEN', ...rest } = headers
    expect(authorization).toBe('Bearer $TOKEN')
    expect(method).toBe('POST')
    const response = await submit(service, body, { headers: rest })
    expect([response.statusCode, bodyOf(response)]).toEqual([
      201,
      expect.objectContaining({ status: 'opened' }),
    ])
    expect(world.livePerson.conversations()).toHaveLength(1)
  })

  test.each(gets)('$place asks for the status of a request', async ({ request }) => {
    const { method, url } = request
    const requestId = url.replace('$API_URL/conversations/', '')
    const service = world.createService({ stage: exampleStage() })
    await submit(service, { requestId, route: 'order-help' })
    expect(method).toBe('GET')
    expect(bodyOf(await askStatus(service, requestId))).toMatchObject({ requestId, status: 'opened' })
  })

  test.each(events)('$place asks for the status of an event', async ({ request: { method, url } }) => {
    const [accountId = '', id] = url.replace('$API_URL/events/', '').split('/')
    // The event with this id is another example.
    const requestId = `${id}-status`
    const service = world.createService({ stage: exampleStage() })
    await deliver(service, [toRecord({ requestId, route: 'crm-upgrade' })])
    expect(method).toBe('GET')
    const answer = await askEventStatus(service, accountId, requestId)
    expect(bodyOf(answer)).toMatchObject({ requestId, status: 'opened' })
  })

  test.each(simulator)('$place is accepted by the simulator', async ({ request }) => {
    expect((await send(request, world.livePerson.url)).status).toBe(200)
  })

  const send = ({ method, url, headers, body }: CurlRequest, to: string) =>
    fetch(url.replace(SIMULATOR, to), { method, headers, body: body ?? null })
})

describe('JSON examples', () => {
  /** Returns what checks an example, by what it holds. */
  const checkOf = ({ path }: CodeBlock, example: object): ((text: string) => unknown) | undefined => {
    // outcomes.test.ts checks them.
    if (path === 'docs/outcomes.md') return () => undefined
    if ('accounts' in example) return acceptStage
    if ('issuer' in example) return acceptTokenIssuer
    if (Array.isArray(example)) return acceptImport
    if (WEBHOOK in example) return acceptWebhook
    if ('Statement' in example) return path === 'docs/deployment.md' ? compareDeployerPolicy : comparePolicy
    if ('code' in example) return compareProblem
    if (['Type', 'detail-type'].some((name) => name in example)) return acceptEvent
    if (!('route' in example) && !('campaign' in example)) return undefined
    return path === 'docs/form-api.md' ? acceptForm : acceptEvent
  }

  /** The address in LivePerson's settings is that of a route of the API. */
  const acceptWebhook = (text: string) => {
    const { pathname } = new URL(JSON.parse(text)[WEBHOOK].endpoint)
    const { routes } = readResources().httpApi
    expect(routes.map(({ method, path }) => `${method} ${path.replace('{accountId}', ACCOUNT)}`)).toContain(
      `POST ${pathname}`,
    )
  }

  const compareDeployerPolicy = (text: string) => expect(JSON.parse(text)).toEqual(toDeployerPolicy())

  const acceptImport = (text: string) => {
    const files = ['queues', 'state-table']
    const resources = Object.assign(
      {},
      ...files.map(
        (file) => parseYaml(readFileSync(inProject(`infrastructure/${file}.yml`), 'utf8')).Resources,
      ),
    )
    const kept = Object.entries<{ readonly Type: string; readonly DeletionPolicy?: string }>(resources)
      .filter(([, { DeletionPolicy }]) => DeletionPolicy === 'Retain')
      .map(([LogicalResourceId, { Type: ResourceType }]) => ({ ResourceType, LogicalResourceId }))
    const imported = JSON.parse(text).map(
      ({ ResourceIdentifier: _, ...rest }: { ResourceIdentifier: object }) => rest,
    )
    expect(imported).toHaveLength(kept.length)
    expect(imported).toEqual(expect.arrayContaining(kept))
  }

  const acceptStage = (text: string) =>
    parseStageConfig(JSON.parse(text), { name: 'the example', loopback: false })

  /** A policy to copy allows no more than the stack's own, which the account in the path narrows. */
  const comparePolicy = (text: string) => {
    const { EventStatusPolicy } = parseYaml(readFileSync(inProject('infrastructure/roles.yml'), 'utf8'), {
      merge: true,
    }).Resources
    const [{ Action, Resource }] = EventStatusPolicy.Properties.PolicyDocument.Statement
    const pattern = Resource['Fn::Sub'].replace(/\*$/, `${ACCOUNT}/*`).split(':')
    const copied = JSON.parse(text).Statement
    expect(copied).toEqual([{ Effect: 'Allow', Action, Resource: expect.any(String) }])
    expect(
      copied[0].Resource.split(':')
        .at(-1)
        .replace(/^[a-z0-9]+/, ''),
    ).toBe(pattern.at(-1).replace(/^\$\{HttpApi\}/, ''))
  }

  const acceptTokenIssuer = (text: string) => {
    const form = { consumers: 'token', tokens: [JSON.parse(text)] }
    const stage = parseStageConfig(
      { accounts: [{ accountId: ACCOUNT, form }] },
      { name: 'the example', loopback: false },
    )
    expect(warningsOf(stage)).toEqual([])
  }

  const acceptForm = (text: string) => parseForm({ mediaType: 'application/json', text })

  const acceptEvent = async (text: string) => {
    // An event whose envelope is a month old is refused, so the clock is that of the example.
    const [written] = /2026-\d\d-\d\dT[\d:]+/.exec(text) ?? []
    const passedMs = written === undefined ? 0 : Date.now() - Date.parse(`${written}Z`)
    const service = world.createService({ stage: exampleStage(), now: () => Date.now() - passedMs })
    expect(await deliver(service, [toRecord(text)])).toEqual({ batchItemFailures: [] })
    expect(world.livePerson.conversations()).toMatchObject([{ accountId: ACCOUNT, state: 'OPEN' }])
    expect(await world.receiveQuarantine()).toEqual([])
  }

  const compareProblem = (text: string) => {
    const { errors, requestId, ...example } = JSON.parse(text)
    const problem = bodyOf(toProblem(new InvalidRequestError(errors), requestId))
    expect({ ...example, requestId, errors }).toEqual(problem)
    expect(Object.keys(JSON.parse(text))).toEqual(Object.keys(problem))
  }

  test.each(inLanguage('json'))('$place is accepted', async (block) => {
    const example = JSON.parse(block.text)
    const check = checkOf(block, example)
    if (!check) throw new Error('Nothing here checks such an example')
    await check(block.text)
  })
})

describe('other examples', () => {
  // test/browser/documentation.test.ts runs the scripts.
  test.each(inLanguage('html').filter(({ text }) => text.includes('<form')))(
    '$place posts a form that is accepted',
    async ({ text }) => {
      const body = [...text.matchAll(/ name="([^"]+)"(?: value="([^"]+)")?/g)]
        .map(([, name, value = 'x']) => `${name}=${encodeURIComponent(value)}`)
        .join('&')
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      const response = await submit(world.createService({ stage: exampleStage() }), body, { headers })
      expect(response.statusCode).toBe(201)
      expect(text).toContain('method="post" action="https://api.example.com/conversations"')
    },
  )

  const isForClient = ({ text }: CodeBlock) => text.includes('createClient')

  test.each(inLanguage('ts').filter(isForClient))('$place opens a conversation', async ({ text }) => {
    const api = await startApi(world, exampleStage())
    try {
      const [load = '', ...rest] = text.split('\n')
      expect(load).toBe("import { createClient } from './client.ts'")
      const program = rest.join('\n').replace('https://api.example.com', api.url)
      const printed: unknown[] = []
      const print = { log: (...words: unknown[]) => printed.push(...words) }
      await new Function('createClient', 'console', `return (async () => {${program}})()`)(
        createClient,
        print,
      )
      expect(printed).toEqual(['opened', undefined])
    } finally {
      await api.close()
    }
  })

  test.each(inLanguage('ts').filter((block) => !isForClient(block)))('$place runs', ({ text }) => {
    new Function('world', text)(world)
    world.secretsManager.fail(false)
  })

  const parameters = Object.keys(parseYaml(readFileSync(inProject('serverless.yml'), 'utf8')).params.default)

  // event-sources.test.ts applies those of docs/event-sources.md. The others are statements of a policy.
  test.each(inLanguage('yaml'))('$place is YAML', ({ path, text }) => {
    const example = parseYaml(text)
    if (path === 'docs/deployment.md')
      expect(parameters).toEqual(expect.arrayContaining(Object.keys(example.params.prod)))
    else expect(example).toBeInstanceOf(path === 'docs/event-sources.md' ? Object : Array)
  })

  test('no example is in a language that nothing here checks', () => {
    // deployment.test.ts checks those of Terraform and CDK.
    const checked = ['sh', 'json', 'html', 'ts', 'yaml', 'text', 'hcl', 'typescript', '']
    expect(blocks.filter(({ language }) => !checked.includes(language))).toEqual([])
  })
})

describe('references', () => {
  const anchors = new Map(documents.map((document) => [document.path, anchorsOf(document)]))

  test.each(documents)('links of $path resolve', (document) => {
    const broken = linksOf(document).filter((target) => {
      if (/^https:\/\//.test(target)) return false
      const [file = '', anchor] = target.split('#')
      const path = file === '' ? document.path : normalize(join(dirname(document.path), file))
      return !existsSync(inProject(path)) || (anchor !== undefined && !anchors.get(path)?.has(anchor))
    })
    expect(broken).toEqual([])
  })

  test.each(documents)('paths in $path exist', (document) => {
    const paths = codeSpansOf(document).filter((code) =>
      /^(functions|lib|local|cli|bench|tools|test|config|docs|infrastructure)\/[\w./-]*$/.test(code),
    )
    expect(paths.filter((path) => !existsSync(inProject(path)))).toEqual([])
  })
})
