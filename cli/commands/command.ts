import type { Terminal } from '../terminal.ts'

/**
 * What a command exits with: 0 if everything was done, 1 if something failed, 2 for wrong arguments, 3 if
 * something is still waiting, 130 if Ctrl-C ended it.
 */
export type ExitCode = 0 | 1 | 2 | 3 | 130

/** What a command may use of the process. */
export interface CommandContext extends Terminal {
  readonly env: NodeJS.ProcessEnv
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Resolves after `ms` milliseconds, or when `signal` is aborted. */
  readonly sleep: (ms: number) => Promise<void>
  /** Aborted by Ctrl-C. A command that works through many records then stops after the present one. */
  readonly signal: AbortSignal
}

/** A verb of `npm run ops`. */
export interface Command {
  /** One line for the list of verbs. */
  readonly summary: string
  /** The text of `--help`. */
  readonly help: string
  /**
   * Runs the command. An error that it throws is printed and ends the process with 1.
   *
   * @param args The arguments after the verb, without `--help`.
   * @throws {UsageError} The arguments are wrong.
   */
  readonly run: (args: readonly string[], context: CommandContext) => Promise<ExitCode>
}

/** A verb that has verbs of its own, such as `quarantine`. */
export interface CommandGroup {
  readonly summary: string
  /** Printed below the list of its verbs. */
  readonly notes: string
  readonly verbs: ReadonlyMap<string, Command>
}

/** The arguments are wrong. The message says what is missing or allowed. */
export class UsageError extends Error {}
