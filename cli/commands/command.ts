/** What a command exits with: 0 if everything was done, 1 if something failed, 2 for wrong arguments. */
export type ExitCode = 0 | 1 | 2

/** What a command may use of the process. */
export interface CommandContext {
  readonly env: NodeJS.ProcessEnv
  /** Writes a line to the standard output. */
  readonly print: (line: string) => void
  /** Milliseconds since the epoch. */
  readonly now: () => number
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

/** The arguments are wrong. The message says what is missing or allowed. */
export class UsageError extends Error {}
