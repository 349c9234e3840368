import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { projectRoot } from '../structure/source.ts'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'campaign-conversations-stages-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const tokens = [
  {
    issuer: 'https://id.example.com/',
    audience: ['campaign-conversations'],
    jwksUrl: 'https://id.example.com/jwks.json',
    algorithms: ['RS256'],
    consumerId: { claim: 'sub', prefix: '' },
  },
]

/** Runs the check, and returns its exit code and what it prints. */
const checkFiles = async (files: Readonly<Record<string, string>>) => {
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  const args = [join(projectRoot, 'tools/check-config.ts'), folder]
  const { code = 0, stderr } = await promisify(execFile)(process.execPath, args).catch((error) => error)
  return { code, printed: String(stderr) }
}

test('warnings are printed, and don’t fail the check', async () => {
  const stage = { accounts: [{ accountId: '7', form: { consumers: 'both', tokens } }] }
  const { code, printed } = await checkFiles({ 'one.json': JSON.stringify(stage) })
  expect(code).toBe(0)
  expect(printed).toMatch(
    /^config\/one\.json: warning: accounts\.0\.form\.tokens\.0\.consumerId\.prefix is empty: .*\.\n$/,
  )
})

test('mistakes in several files are printed, and fail the check', async () => {
  const { code, printed } = await checkFiles({
    'two.json': '{"accounts": []}',
    'three.json': '{"accounts": [], "accounts": []}',
    'four.json': '{',
  })
  expect(code).toBe(1)
  expect(printed).toContain('config/two.json: accounts must have at least 1 item.')
  expect(printed).toContain('config/three.json is not valid JSON, or has a duplicate key.')
  expect(printed).toContain('config/four.json is not valid JSON, or has a duplicate key.')
})
