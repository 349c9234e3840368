import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const module = new URL('../../../local/stack/end-with-parent.ts', import.meta.url).href

test('the process exits and its build folder is removed when standard input ends', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'campaign-conversations-test-'))
  const child = spawn(process.execPath, ['--import', module, '--eval', 'setInterval(() => {}, 1_000)'], {
    env: { PATH: process.env.PATH, ESBUILD_WORK_FOLDER: folder },
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const closed = once(child, 'close')
  child.stdin.end()
  expect(await closed).toEqual([null, 'SIGKILL'])
  expect(existsSync(folder)).toBe(false)
})
