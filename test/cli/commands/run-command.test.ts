import { expect, test } from 'vitest'
import { runCommand } from '../../../cli/commands/run-command.ts'

const run = async (...args: string[]) => {
  const printed: string[] = []
  const errors: string[] = []
  const exitCode = await runCommand(args, {
    env: {},
    print: (line) => printed.push(line),
    printError: (line) => errors.push(line),
    now: Date.now,
  })
  return { exitCode, printed: printed.join('\n'), errors: errors.join('\n') }
}

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
  expect(await run('pause', '70123456')).toEqual({
    exitCode: 2,
    printed: '',
    errors: 'There is no verb pause. Verbs: account, erase.',
  })
})
