import { setTimeout as sleep } from 'node:timers/promises'
import { runCommand } from './commands/run-command.ts'
import { createTerminal } from './terminal.ts'

const stopping = new AbortController()
// A second Ctrl-C ends the process at once.
process.once('SIGINT', () => stopping.abort())

/** `npm run ops -- <verb>`: the operator's command. */
process.exitCode = await runCommand(process.argv.slice(2), {
  ...createTerminal({ input: process.stdin, output: process.stdout, error: process.stderr }, Date.now),
  env: process.env,
  now: Date.now,
  sleep: (ms) => sleep(ms, undefined, { signal: stopping.signal }).catch(() => {}),
  signal: stopping.signal,
})
