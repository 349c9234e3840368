import { setTimeout as sleep } from 'node:timers/promises'
import { runCommand } from './commands/run-command.ts'
import { createTerminal } from './terminal.ts'

const stopping = new AbortController()
// A second Ctrl-C ends the process at once.
process.once('SIGINT', () => stopping.abort())

// The reader of a pipe has what it wanted, such as `head`. The command ends as after Ctrl-C, and cleans up.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    stopping.abort()
  })

/** `npm run ops -- <verb>`: the operator's command. */
process.exitCode = await runCommand(process.argv.slice(2), {
  ...createTerminal({ input: process.stdin, output: process.stdout, error: process.stderr }, Date.now),
  env: process.env,
  now: Date.now,
  sleep: (ms) => sleep(ms, undefined, { signal: stopping.signal }).catch(() => {}),
  signal: stopping.signal,
})
