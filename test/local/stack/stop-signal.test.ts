import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { orStop } from '../../../local/stack/stop-signal.ts'

const module = new URL('../../../local/stack/stop-signal.ts', import.meta.url).href

/** Runs a process that waits for its stop signal and prints why it was aborted. */
const startWaiting = async () => {
  const script = `
    import { listenForStop } from ${JSON.stringify(module)}
    const signal = listenForStop()
    const timer = setInterval(() => {}, 1_000)
    signal.addEventListener('abort', () => { clearInterval(timer); console.log(signal.reason.message) })
    console.log('waiting')
  `
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    env: { PATH: process.env.PATH },
  })
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text
  })
  await expect.poll(() => printed, { timeout: 15_000 }).toBe('waiting\n')
  const closed = once(child, 'close')
  return { child, finish: async () => ({ exit: await closed, printed }) }
}

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  '%s aborts the signal',
  async (name) => {
    const { child, finish } = await startWaiting()
    child.kill(name)
    expect(await finish()).toEqual({ exit: [0, null], printed: `waiting\nStopped by ${name}.\n` })
  },
  20_000,
)

test('orStop returns the result of the work', async () => {
  expect(await orStop(Promise.resolve(7), new AbortController().signal)).toBe(7)
})

test('orStop throws the error of the work', async () => {
  const work = Promise.reject(new Error('broken'))
  await expect(orStop(work, new AbortController().signal)).rejects.toThrow('broken')
})

test('orStop throws the reason of a signal that is aborted before or during the work', async () => {
  const never = new Promise(() => undefined)
  await expect(orStop(never, AbortSignal.abort(new Error('before')))).rejects.toThrow('before')
  const stop = new AbortController()
  const waiting = orStop(never, stop.signal)
  stop.abort(new Error('during'))
  await expect(waiting).rejects.toThrow('during')
})
