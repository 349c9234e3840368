import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { packageService } from '../tools/package-service.ts'
import { readZip } from '../tools/zip.ts'
import { type Figure, median } from './figures.ts'
import type { World } from './world.ts'

const RUNS = 7

/** Prints the time that importing a module takes, in milliseconds, and exits. */
const IMPORT = `
const startedAt = performance.now()
await import(process.argv[1])
process.stdout.write(String(performance.now() - startedAt), () => process.exit())
`

/** A handler that can be imported. */
interface Bundle {
  readonly file: string
  /** Size of the code in bytes. */
  readonly size: number
}

interface Packaged extends Bundle {
  readonly name: string
}

/**
 * Measures the import of each packaged handler in a new process, as a cold start does it: parsing and running
 * its code, and for the two doors reading secrets and domains. Compares it with the same source bundled by
 * esbuild's defaults: not minified, with CommonJS builds and all of the SDK's credential providers.
 */
export const measureColdStarts = async (world: World): Promise<readonly Figure[]> => {
  const environment = {
    ...world.awsEnvironment,
    ...world.serviceEnvironment,
    CONFIG_FILE: 'config/dev.json',
  }
  const folder = await mkdtemp(join(tmpdir(), 'campaign-conversations-bench-'))
  try {
    const handlers = await unpack(folder)
    const pairs = await Promise.all(
      handlers.map(async (ours) => ({ ours, plain: await bundlePlainly(folder, ours.file) })),
    )
    const times = new Map(
      pairs.flatMap(({ ours, plain }) => [ours.file, plain.file]).map((file) => [file, [] as number[]]),
    )
    for (let run = 0; run < RUNS; run++)
      for (const [file, taken] of times) taken.push(await timeImport(folder, file, environment))

    const timeOf = ({ file }: Bundle) => median(times.get(file) ?? [])
    return pairs.flatMap(({ ours, plain }) => [
      { what: `cold import, ${ours.name}`, unit: 'ms', ours: timeOf(ours), plain: timeOf(plain) },
      { what: `code, ${ours.name}`, unit: 'kB', ours: ours.size / 1000, plain: plain.size / 1000 },
    ])
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Bundles the source of a packaged handler again, with esbuild's defaults. */
const bundlePlainly = async (folder: string, packaged: string): Promise<Bundle> => {
  const source = basename(packaged, '.mjs')
  const file = join(folder, `${source}.mjs`)
  await build({
    entryPoints: [fileURLToPath(new URL(`../functions/${source}.ts`, import.meta.url))],
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    logLevel: 'error',
    // Without it, CommonJS code inside an ES module throws "Dynamic require is not supported".
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  })
  return { file, size: (await stat(file)).size }
}

const unpack = async (folder: string): Promise<readonly Packaged[]> => {
  const service = await packageService()
  try {
    return await Promise.all(
      service.zips.toSorted().map(async (zip) => {
        const name = basename(zip, '.zip')
        const entries = readZip(await readFile(zip))
        for (const entry of entries) {
          const path = join(folder, name, entry.name)
          await mkdir(dirname(path), { recursive: true })
          await writeFile(path, entry.read())
        }
        const code = entries.find((entry) => entry.name.endsWith('.mjs'))
        return { name, file: join(folder, name, code?.name ?? ''), size: code?.size ?? 0 }
      }),
    )
  } finally {
    await service.remove()
  }
}

const timeImport = async (folder: string, file: string, env: Record<string, string>): Promise<number> => {
  const args = ['--input-type=module', '--eval', IMPORT, pathToFileURL(file).href]
  // CONFIG_FILE is relative to a package's folder.
  const cwd = join(folder, 'openFromForm')
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd, env })
  const milliseconds = Number(stdout)
  if (!(milliseconds > 0)) throw new Error(`${file} didn't start: ${stdout}`)
  return milliseconds
}
