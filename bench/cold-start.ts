import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { packageService } from '../tools/package-service.ts'
import type { World } from '../test/support/world.ts'
import { readZip } from '../tools/zip.ts'
import { type Figure, median } from './figures.ts'

const RUNS = 7

/** Prints how long the import of a module takes, in milliseconds, and ends. */
const IMPORT = `
const startedAt = performance.now()
await import(process.argv[1])
process.stdout.write(String(performance.now() - startedAt), () => process.exit())
`

/** A handler that can be imported, and its code's size in bytes. */
interface Bundle {
  readonly file: string
  readonly size: number
}

interface Packaged extends Bundle {
  readonly name: string
}

/**
 * Imports each packaged handler in a fresh process, as a cold start does: parsing and running its code, and for the two
 * doors reading secrets and domains. Beside each the same source as esbuild bundles it unasked: not minified, with
 * CommonJS builds and all of the SDK's credential providers.
 */
export const measureColdStarts = async (world: World): Promise<readonly Figure[]> => {
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
      for (const [file, taken] of times) taken.push(await timeImport(folder, file, environmentOf(world)))

    const timeOf = ({ file }: Bundle) => median(times.get(file) ?? [])
    return pairs.flatMap(({ ours, plain }) => [
      { what: `cold import, ${ours.name}`, unit: 'ms', ours: timeOf(ours), plain: timeOf(plain) },
      { what: `code, ${ours.name}`, unit: 'kB', ours: ours.size / 1000, plain: plain.size / 1000 },
    ])
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Bundles anew what a packaged file was bundled of. */
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
    // Without it CommonJS inside an ES module ends in "Dynamic require is not supported".
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
  // Every bundle reads the configuration of the package.
  const cwd = join(folder, 'openFromForm')
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd, env })
  const milliseconds = Number(stdout)
  if (!(milliseconds > 0)) throw new Error(`${file} did not start: ${stdout}`)
  return milliseconds
}

const environmentOf = ({ sqs, dynamoDb, secretsManager, livePerson }: World) => ({
  AWS_REGION: 'eu-west-1',
  AWS_ACCESS_KEY_ID: 'local',
  AWS_SECRET_ACCESS_KEY: 'local',
  AWS_ENDPOINT_URL_SQS: sqs.url,
  AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.url,
  AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager.url,
  CONFIG_FILE: 'config/dev.json',
  STATE_TABLE: dynamoDb.stateTable,
  EVENTS_QUEUE_URL: sqs.eventsQueueUrl,
  QUARANTINE_QUEUE_URL: sqs.quarantineQueueUrl,
  SECRET_ID_PREFIX: 'campaign-conversations/test',
  LIVEPERSON_DOMAIN_API_URL: livePerson.url,
})
