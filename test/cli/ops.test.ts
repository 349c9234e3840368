import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'

test('a pipe whose reader has ended, such as head, ends no command with a stack trace', async () => {
  const child = spawn(process.execPath, ['cli/ops.ts', '--help'], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  const [printed, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
  expect({ printed, code }).toEqual({ printed: '', code: 0 })
})
