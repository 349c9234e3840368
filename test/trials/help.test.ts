import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { projectRoot } from '../structure/source.ts'

const run = (args: readonly string[]) =>
  promisify(execFile)(process.execPath, [...args], { cwd: projectRoot, timeout: 20_000 })

const Package = z.object({ scripts: z.record(z.string(), z.string()) })
const { scripts } = Package.parse(JSON.parse(readFileSync(`${projectRoot}/package.json`, 'utf8')))

/** Scripts that run one file of ours, besides those that have the files of tests. */
const FILES = Object.values(scripts).flatMap((script) => {
  const [, file] = /^node ((?:local|bench|tools|cli)\/[\w/-]+\.ts)/.exec(script) ?? []
  return file === undefined ? [] : [file]
})

describe('--help', () => {
  test('is asked of every such script', () => {
    expect(FILES.length).toBeGreaterThan(10)
  })

  test.each([...new Set([...FILES, 'local/send-event.ts'])])(
    'of %s prints its usage, and does nothing else',
    async (file) => {
      const { stdout, stderr } = await run([file, '--help'])
      expect(stderr).toBe('')
      // The Serverless Framework has a help of its own.
      expect(stdout).toMatch(file === 'tools/run-serverless.ts' ? /deploy/ : /^(npm|npx) /)
      expect(stdout.length).toBeGreaterThan(40)
    },
  )
})

describe('npm run ops', () => {
  test('has no colors, because the output is no terminal', async () => {
    const { stdout } = await run(['cli/ops.ts', 'explain', 'local/examples/crm-event.json', '--local'])
    expect(stdout).toContain('Accepted')
    expect(stdout).not.toContain('\u001b')
  })
})
