import { runCommand } from './commands/run-command.ts'

/** `npm run ops -- <verb>`: the operator's command. */
process.exitCode = await runCommand(process.argv.slice(2), {
  env: process.env,
  print: (line) => console.log(line),
  printError: (line) => console.error(line),
  now: Date.now,
})
