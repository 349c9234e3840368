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

test('an unknown verb is refused, with those that exist', async () => {
  const { exitCode, printed, errors } = await run('pause', '70123456')
  expect([exitCode, printed]).toEqual([2, ''])
  expect(errors).toMatch(/^There is no verb pause\. Verbs: doctor, .*account, /)
})
