import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { projectRoot } from '../structure/source.ts'
import { measureProcessorTime } from '../support/processor-time.ts'
import { BROKEN, STAGE, textOf, withoutNames } from './broken-stages.ts'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'campaign-conversations-stages-'))
  await writeFile(join(folder, 'valid.json'), STAGE)
  await Promise.all(
    BROKEN.map((broken, index) => writeFile(join(folder, `broken-${index}.json`), textOf(broken))),
  )
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Runs `npm run config:check` without npm, and returns its exit code, what it prints and its processor time. */
const run = async (...args: readonly string[]) => {
  const { result, processorMs } = await measureProcessorTime((env) =>
    promisify(execFile)(process.execPath, [join(projectRoot, 'tools/check-config.ts'), ...args], {
      cwd: projectRoot,
      env,
    }).then(
      (output) => ({ code: 0, ...output }),
      (error) => error,
    ),
  )
  const { code, stdout, stderr } = result
  return { code, stdout: String(stdout), stderr: String(stderr), processorMs }
}

test('every broken file is named with place and remedy, all at once and within 3 seconds', async () => {
  const { code, stdout, stderr, processorMs } = await run('--folder', folder)
  const printed = new Set(stderr.trimEnd().split('\n').map(withoutNames))
  const expected = BROKEN.flatMap(({ found, severity = 'error' }, index) =>
    found.map((line) => {
      const [, place = '', text = ''] = /^(\d+:\d+): (.*)$/.exec(line) ?? []
      const file = relative(projectRoot, join(folder, `broken-${index}.json`))
      return withoutNames(`${file}:${place}: ${severity}: ${text}.`)
    }),
  )
  expect(printed).toEqual(new Set(expected))
  expect([code, stdout]).toEqual([1, ''])
  expect(processorMs).toBeLessThan(3000)
})

test('warnings are printed, and are no failure', async () => {
  const index = BROKEN.findIndex(({ severity }) => severity === 'warning')
  const { code, stderr } = await run('--folder', folder, '--stage', `broken-${index}`)
  expect(code).toBe(0)
  expect(stderr).toMatch(/: warning: origins is empty, .*\.\n$/)
})

test('--json prints one object with every finding', async () => {
  const index = BROKEN.findIndex(({ name }) => name === 'seven mistakes at once')
  const { code, stdout, stderr } = await run('--folder', folder, '--stage', `broken-${index}`, '--json')
  expect([code, stderr]).toEqual([1, ''])
  const { ok, files } = JSON.parse(stdout)
  expect(ok).toBe(false)
  expect(files).toHaveLength(1)
  expect(files[0].findings).toHaveLength(7)
  expect(files[0].findings[2]).toEqual({
    severity: 'error',
    path: 'accounts.0.accountId',
    message: 'is missing: write the LivePerson account id as text, such as "70123456"',
    line: 7,
    column: 5,
  })
})

test('the stages of this project have no mistakes, and no warnings', async () => {
  expect(await run()).toMatchObject({
    code: 0,
    stdout: 'config/dev.json, config/local.json: no mistakes.\n',
    stderr: '',
  })
})

test('wrong arguments are 2, and --help describes the right ones', async () => {
  expect(await run('--stge', 'dev')).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining('See npm run config:check -- --help'),
  })
  const { code, stdout } = await run('--help')
  expect(code).toBe(0)
  for (const option of ['--stage', '--folder', '--json']) expect(stdout).toContain(option)
})
