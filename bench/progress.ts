/** Where a bar is drawn. */
interface Terminal {
  readonly isTTY?: boolean
  readonly write: (text: string) => unknown
}

const WIDTH = 30

/** Returns a progress bar. It draws nothing unless its output is a terminal. */
export const createProgress = (steps: number, terminal: Terminal = process.stderr) => {
  let done = 0
  const draw = (text: string) => {
    if (terminal.isTTY) terminal.write(`\r\u001b[K${text}`)
  }
  return {
    /** Shows what is being done. */
    start: (what: string): void => {
      const filled = Math.round((WIDTH * done) / steps)
      draw(
        `${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)} ${Math.round((100 * done) / steps)} %  ${what}`,
      )
      done = Math.min(steps, done + 1)
    },
    /** Removes the bar. */
    end: (): void => draw(''),
  }
}
