import { PassThrough } from 'node:stream'
import { WriteStream } from 'node:tty'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createTerminal } from '../../cli/terminal.ts'

afterEach(() => vi.unstubAllEnvs())

/** Streams that are those of a terminal that shows colors, or of a pipe. */
const start = ({ isTTY = true, answer = '' } = {}) => {
  const { NO_COLOR } = process.env
  const colors = NO_COLOR === undefined ? {} : { NO_COLOR }
  const getColorDepth = () => WriteStream.prototype.getColorDepth({ ...colors, TERM: 'xterm-256color' })
  const toStream = () => Object.assign(new PassThrough(), { isTTY, getColorDepth })
  const [input, output, error] = [toStream(), toStream(), toStream()]
  if (answer !== '') input.end(`${answer}\n`)
  let now = 0
  const terminal = createTerminal({ input, output, error }, () => now)
  return {
    terminal,
    pass: (ms: number) => {
      now += ms
    },
    printed: () => String(output.read() ?? ''),
    errors: () => String(error.read() ?? ''),
  }
}

describe('colors', () => {
  test('are used on a terminal', () => {
    vi.stubEnv('NO_COLOR', undefined)
    vi.stubEnv('FORCE_COLOR', undefined)
    expect(start().terminal.paint('red', 'text')).toBe('\u001b[31mtext\u001b[39m')
  })

  test('are not used elsewhere, or with NO_COLOR', () => {
    vi.stubEnv('FORCE_COLOR', undefined)
    vi.stubEnv('NO_COLOR', undefined)
    expect(start({ isTTY: false }).terminal.paint('red', 'text')).toBe('text')
    vi.stubEnv('NO_COLOR', '1')
    expect(start().terminal.paint('red', 'text')).toBe('text')
  })
})

describe('progress', () => {
  test('is one line of a terminal, which the next output replaces', () => {
    const { terminal, printed, errors } = start()
    terminal.progress('1 of 2')
    terminal.progress('2 of 2')
    terminal.print('done')
    expect(errors()).toBe('\r\u001b[K1 of 2\r\u001b[K2 of 2\r\u001b[K')
    expect(printed()).toBe('done\n')
  })

  test('is a line every ten seconds elsewhere', () => {
    const { terminal, errors, pass } = start({ isTTY: false })
    terminal.progress('1 of 3')
    pass(10_000)
    terminal.progress('2 of 3')
    terminal.progress('3 of 3')
    expect(errors()).toBe('2 of 3\n')
  })
})

describe('a question', () => {
  test.each([
    ['y', true],
    ['YES', true],
    ['n', false],
    ['yesterday', false],
  ])('that is answered with %s', async (answer, agrees) => {
    expect(await start({ answer }).terminal.ask('Sure?')).toBe(agrees)
  })

  test('is not asked if nobody can answer', async () => {
    const { terminal, errors } = start({ isTTY: false, answer: 'y' })
    expect(await terminal.ask('Sure?')).toBe(false)
    expect(errors()).toBe('')
  })
})
