import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runOps } from '../../support/command.ts'

const run = (...args: string[]) => runOps(args)

test.each(['--help', '-h'])('%s lists the verbs', async (flag) => {
  const { exitCode, printed } = await run(flag)
  expect(exitCode).toBe(0)
  expect(printed).toMatch(/^ {2}account +pauses an account/m)
  expect(printed).toMatch(/^ {2}erase +erases a consumer's ids/m)
})

test('without a verb, the verbs are listed, and the command fails', async () => {
  const { exitCode, printed } = await run()
  expect(exitCode).toBe(2)
  expect(printed).toContain('npm run ops -- <verb>')
})

test.each(['--help', '-h'])('%s describes a verb, and names every flag', async (flag) => {
  const { exitCode, printed } = await run('account', 'pause', flag)
  expect(exitCode).toBe(0)
  for (const name of ['--stage', '--region', '--config-file', '--state-table', '--json', 'resume', 'status'])
    expect(printed).toContain(name)
})

test('a mistake in a stage file says which command shows its place', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'stage-file-'))
  const file = join(folder, 'broken.json')
  for (const text of ['{"accounts": [}', '{"accounts": [{"accountId": 70123456}]}']) {
    writeFileSync(file, text)
    const { exitCode, errors } = await run('routes', 'check', '--config-file', file)
    expect(exitCode).toBe(1)
    expect(errors).toMatch(/broken\.json.*\nFor the place and what to write instead: npm run config:check$/)
  }
  rmSync(folder, { recursive: true })
})

test('an unknown verb is refused, with those that exist', async () => {
  const { exitCode, printed, errors } = await run('pause', '70123456')
  expect([exitCode, printed]).toEqual([2, ''])
  expect(errors).toMatch(/^There is no verb pause\. Verbs: doctor, .*account, /)
})

const verbsIn = (help: string): readonly string[] =>
  [...help.matchAll(/^ {2}([a-z]+) {2,}\S/gm)].flatMap(([, verb]) => verb ?? [])

test('each verb has a help on each level, which names the flags that all have', async () => {
  const { printed } = await run('--help')
  const groups = ['routes', 'request', 'quarantine']
  expect(verbsIn(printed)).toEqual(
    expect.arrayContaining(['doctor', 'explain', 'account', 'erase', ...groups]),
  )
  for (const group of groups) {
    const verbs = verbsIn((await run(group, '--help')).printed)
    expect(verbs.length).toBeGreaterThan(0)
    expect((await run(group)).exitCode).toBe(2)
    for (const verb of verbs) {
      const { exitCode, printed: help } = await run(group, verb, '--help')
      expect(exitCode).toBe(0)
      expect(help).toMatch(new RegExp(`^npm run ops -- ${group} ${verb}`))
      for (const flag of ['--stage', '--local', '--json', 'Exits with 0']) expect(help).toContain(flag)
    }
  }
})

test('a verb that a group does not have is refused, with those that it has', async () => {
  const { exitCode, errors } = await run('quarantine', 'delete')
  expect([exitCode, errors]).toEqual([
    2,
    'There is no verb quarantine delete. Verbs: list, show, replay, drop.',
  ])
})
