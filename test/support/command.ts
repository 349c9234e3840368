import { setTimeout as sleep } from 'node:timers/promises'
import type { CommandContext, ExitCode } from '../../cli/commands/command.ts'
import { runCommand } from '../../cli/commands/run-command.ts'

/** What a command printed, and its exit code. */
export interface CommandRun {
  readonly exitCode: ExitCode
  readonly printed: string
  readonly errors: string
  /** What it asked. */
  readonly asked: readonly string[]
}

/**
 * Runs `npm run ops -- <args>` in this process.
 *
 * @param given.answer What the user answers to each question. Default: no.
 */
export const runOps = async (
  args: readonly string[],
  { answer = false, ...given }: Partial<CommandContext> & { readonly answer?: boolean } = {},
): Promise<CommandRun> => {
  const printed: string[] = []
  const errors: string[] = []
  const asked: string[] = []
  const exitCode = await runCommand(args, {
    env: {},
    print: (line) => printed.push(line),
    printError: (line) => errors.push(line),
    paint: (_, text) => text,
    progress: () => {},
    ask: async (question) => {
      asked.push(question)
      return answer
    },
    now: Date.now,
    sleep: (ms) => sleep(ms),
    signal: new AbortController().signal,
    ...given,
  })
  return { exitCode, printed: printed.join('\n'), errors: errors.join('\n'), asked }
}
