import { createInterface } from 'node:readline/promises'
import type { WriteStream } from 'node:tty'
import { styleText } from 'node:util'

/** How a text looks on a terminal. */
export type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red'

/** What a command tells its user, and asks them. */
export interface Terminal {
  /** Writes a line to the standard output. */
  readonly print: (line: string) => void
  /** Writes a line to the standard error. */
  readonly printError: (line: string) => void
  /** Returns the text with its style, or unchanged if the output is no terminal or NO_COLOR is set. */
  readonly paint: (style: Style, text: string) => string
  /**
   * Shows the progress of a long command. On a terminal, it is one line that changes. Elsewhere, it is
   * written to the standard error every ten seconds.
   */
  readonly progress: (text: string) => void
  /** Returns whether the user agrees. False without asking if the input is no terminal. */
  readonly ask: (question: string) => Promise<boolean>
}

/** How often progress is written if the standard error is no terminal, in milliseconds. */
const PROGRESS_MS = 10_000

/** Streams of a process, or those of a test. */
export interface Streams {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean }
  readonly output: Pick<WriteStream, 'write'> & NodeJS.WritableStream & { readonly isTTY?: boolean }
  readonly error: Pick<WriteStream, 'write'> & NodeJS.WritableStream & { readonly isTTY?: boolean }
}

/**
 * Returns the user's terminal.
 *
 * @param now Milliseconds since the epoch.
 */
export const createTerminal = ({ input, output, error }: Streams, now: () => number): Terminal => {
  let isShown = false
  let saidAt = now()
  const clear = () => {
    if (isShown) error.write('\r\u001b[K')
    isShown = false
  }
  const line = (stream: NodeJS.WritableStream) => (text: string) => {
    clear()
    stream.write(`${text}\n`)
  }
  return {
    print: line(output),
    printError: line(error),
    paint: (style, text) => styleText(style, text, { stream: output, validateStream: true }),
    progress: (text) => {
      if (error.isTTY) {
        error.write(`\r\u001b[K${text}`)
        isShown = true
      } else if (now() - saidAt >= PROGRESS_MS) {
        saidAt = now()
        error.write(`${text}\n`)
      }
    },
    ask: async (question) => {
      if (!input.isTTY) return false
      clear()
      const lines = createInterface({ input, output: error })
      const answer = await lines.question(`${question} [y/N] `).finally(() => lines.close())
      return /^y(es)?$/i.test(answer.trim())
    },
  }
}
