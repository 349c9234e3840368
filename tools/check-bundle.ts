import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { bundleFunctions, packagesIn } from './bundle.ts'
import { BUDGETS, findExcess, type PackagedFunction } from './bundle-budget.ts'
import { answerHelp } from './help.ts'
import { readZip } from './zip.ts'

/** Prints whether importing a module loads undici. The list of loaded modules isn't documented. */
const IMPORT = `
await import(process.argv[1])
const { moduleLoadList } = process
if (!moduleLoadList?.includes('NativeModule timers')) throw new Error('process.moduleLoadList has changed')
process.stdout.write(String(moduleLoadList.includes('NativeModule internal/deps/undici/undici')), () => process.exit())
`

/** Nothing listens there, so a starting function reads nothing. */
const NOWHERE = 'http://127.0.0.1:9'

const ENVIRONMENT = {
  AWS_REGION: 'eu-west-1',
  AWS_ACCESS_KEY_ID: 'example',
  AWS_SECRET_ACCESS_KEY: 'example',
  AWS_ENDPOINT_URL: NOWHERE,
  LIVEPERSON_DOMAIN_API_URL: NOWHERE,
  STATE_TABLE: 'state',
  SECRET_ID_PREFIX: 'example',
  EVENTS_QUEUE_URL: 'https://sqs.eu-west-1.amazonaws.com/123456789012/events',
  HANDOVER_QUEUE_URL: 'https://sqs.eu-west-1.amazonaws.com/123456789012/hand-over',
  QUARANTINE_QUEUE_URL: 'https://sqs.eu-west-1.amazonaws.com/123456789012/quarantine',
  CONFIG_FILE: 'stage.json',
  OUTCOME_BUS: 'outcomes',
  LOG_LEVEL: 'SILENT',
}

/** Everything that an account can have, so that everything starts. */
const STAGE = {
  accounts: [
    {
      accountId: '70123456',
      form: {
        consumers: 'both',
        tokens: [
          {
            issuer: 'https://id.example.com/',
            audience: ['campaign-conversations'],
            jwksUrl: `${NOWHERE}/jwks.json`,
            algorithms: ['ES256'],
            consumerId: { claim: 'sub', prefix: '' },
          },
        ],
        botCheck: { verifyUrl: `${NOWHERE}/verify`, hostnames: ['www.example.com'] },
      },
    },
  ],
}

/**
 * `npm run budget`: prints the size of each packaged function. The exit code is 1 if one is over its budget,
 * contains a package that isn't allowed, or loads undici when it starts, which a new process tells.
 */
async function main(folder: string): Promise<boolean> {
  const zips = (await readdir(folder)).filter((name) => name.endsWith('.zip')).toSorted()
  if (zips.length === 0) throw new Error(`${folder} has no zip. Run \`npm run package\` first.`)
  const packages = packagesIn(await bundleFunctions())
  const excess: string[] = []
  for (const zip of zips) {
    const name = basename(zip, '.zip')
    const inside = packages.filter(({ functions }) => functions.includes(name)).map((each) => each.name)
    const packaged: PackagedFunction = { name, packages: inside, ...(await inspect(join(folder, zip))) }
    excess.push(...findExcess(packaged))
    const budget = BUDGETS[name]
    console.log(
      `${name.padEnd(20)} code ${inKb(packaged.code)} of ${inKb(budget?.code ?? 0)}  zip ${inKb(packaged.zip)} of ${inKb(budget?.zip ?? 0)}`,
    )
  }
  for (const sentence of excess) console.log(sentence)
  return excess.length === 0
}

const inspect = async (file: string): Promise<Pick<PackagedFunction, 'code' | 'zip' | 'loadsUndici'>> => {
  const content = await readFile(file)
  const folder = await mkdtemp(join(tmpdir(), 'campaign-conversations-budget-'))
  try {
    let code = 0
    let loadsUndici = false
    await writeFile(join(folder, ENVIRONMENT.CONFIG_FILE), JSON.stringify(STAGE))
    for (const entry of readZip(content).filter(({ name }) => name.endsWith('.mjs'))) {
      const path = join(folder, entry.name)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, entry.read())
      code += entry.size
      loadsUndici ||= await startsWithUndici(folder, path)
    }
    return { code, zip: content.length, loadsUndici }
  } finally {
    await rm(folder, { recursive: true })
  }
}

const startsWithUndici = async (cwd: string, path: string): Promise<boolean> => {
  const args = ['--input-type=module', '--eval', IMPORT, pathToFileURL(path).href]
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd, env: ENVIRONMENT })
  return stdout.endsWith('true')
}

function inKb(bytes: number): string {
  return `${(bytes / 1000).toFixed(1).padStart(6)} kB`
}

answerHelp(`npm run budget [-- <folder>]

Checks the size of each function's bundle, and that none loads what it must not.

  <folder>   where npm run package has left the zips, default .serverless

Exits with 0 if all are within their budgets, 1 if one isn't.`)

try {
  if (!(await main(process.argv[2] ?? '.serverless'))) process.exitCode = 1
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
