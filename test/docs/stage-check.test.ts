import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { findFreePorts } from '../../local/net/listen.ts'
import { projectRoot } from '../structure/source.ts'
import { measureProcessorTime } from '../support/processor-time.ts'
import { BROKEN, textOf, withoutNames } from '../tools/broken-stages.ts'

/** A copy of the project, whose configuration may be broken. */
let folder: string
let valid: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'campaign-conversations-copy-'))
  const parts = ['serverless.yml', 'infrastructure', 'config', 'functions', 'lib', 'local', 'tools']
  for (const part of [...parts, 'package.json', 'tsconfig.json'])
    await cp(join(projectRoot, part), join(folder, part), { recursive: true })
  await symlink(join(projectRoot, 'node_modules'), join(folder, 'node_modules'))
  valid = await readFile(join(folder, 'config/local.json'), 'utf8')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Runs a command in the copy, and returns its exit code, what it prints and its processor time. */
const run = async (...command: readonly string[]) => {
  const { result, processorMs } = await measureProcessorTime((env) =>
    promisify(execFile)('npm', [...command], { cwd: folder, env, timeout: 60_000 }).then(
      (output) => ({ code: 0, ...output }),
      (error) => error,
    ),
  )
  const { code, stdout, stderr } = result
  const lines = `${stdout}${stderr}`.split('\n').filter((line) => line.startsWith('config/'))
  return { code, lines: lines.map(withoutNames), processorMs }
}

const COMMANDS = [['start'], ['run', 'demo'], ['run', 'package', '--', '--stage', 'local']]

describe.each(['a route twice', 'an account id that is a number', 'seven mistakes at once'])('%s', (name) => {
  const broken = BROKEN.find((one) => one.name === name)

  beforeAll(() => writeFile(join(folder, 'config/local.json'), broken ? textOf(broken) : ''))
  afterAll(() => writeFile(join(folder, 'config/local.json'), valid))

  test.each(COMMANDS)('stops npm %s %s within 3 seconds, with place and remedy', async (...command) => {
    const { code, lines, processorMs } = await run(...command)
    const expected = broken?.found.map((line) => {
      const [, place = '', text = ''] = /^(\d+:\d+): (.*)$/.exec(line) ?? []
      return `config/local.json:${place}: error: ${text}.`
    })
    expect(lines).toEqual(expected)
    expect(code).toBe(1)
    expect(processorMs).toBeLessThan(3000)
  })
})

test.each(['package', 'deploy'])(
  'npm run %s names the stages if there is none of that name',
  async (verb) => {
    const { code, lines, processorMs } = await run('run', verb, '--', '--stage', 'prod')
    expect(lines).toEqual([
      'config/prod.json: error: the file is missing: write it, or name one of the stages that have a file: dev, local.',
    ])
    expect(code).toBe(1)
    expect(processorMs).toBeLessThan(3000)
  },
)

test('a route and an account that are added to config/local.json work', async () => {
  const stage = JSON.parse(valid)
  stage.accounts[0].routes.returns = { campaignId: 555, engagementId: 556, doors: ['form'] }
  const routes = { repairs: { campaignId: 777, engagementId: 778, doors: ['form'] } }
  stage.accounts.push({ accountId: '71111111', routes })
  await writeFile(join(folder, 'config/local.json'), JSON.stringify(stage))
  const names = ['API', 'LAMBDA', 'SQS', 'LIVEPERSON', 'SECRETS_MANAGER', 'DYNAMODB']
  const ports = await findFreePorts(names.length)
  const env = Object.fromEntries(names.map((name, index) => [`${name}_PORT`, String(ports[index])]))
  const child = spawn(process.execPath, ['local/start.ts'], { cwd: folder, env: { ...process.env, ...env } })
  const closed = once(child, 'close')
  let printed = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text
    })
  try {
    await vi.waitFor(() => expect(printed).toContain('Press Ctrl-C'), { timeout: 40_000 })
    for (const route of ['returns', 'repairs']) {
      const response = await fetch(`http://127.0.0.1:${env.API_PORT}/conversations`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ requestId: `stage-check-${route}`, route }),
      })
      expect([response.status, await response.json()]).toEqual([
        201,
        expect.objectContaining({ status: 'opened' }),
      ])
    }
    const simulator = await fetch(`http://127.0.0.1:${env.LIVEPERSON_PORT}/_simulator/conversations`)
    expect(await simulator.json()).toEqual([
      expect.objectContaining({ accountId: '70123456', skillName: 'returns' }),
      expect.objectContaining({ accountId: '71111111', skillName: 'repairs' }),
    ])
  } finally {
    child.kill('SIGTERM')
    await closed
    await writeFile(join(folder, 'config/local.json'), valid)
  }
})
