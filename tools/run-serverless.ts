import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { checkStageFile, isValid, stagesIn, toLines } from './stage-check.ts'

const SERVERLESS = join(
  fileURLToPath(new URL('..', import.meta.url)),
  'node_modules/serverless/bin/serverless.js',
)

/** The stage that serverless.yml has by default. */
const DEFAULT_STAGE = 'dev'

/**
 * `npm run package` and `npm run deploy`: checks every stage file and that of the named stage, and runs the
 * Serverless Framework with the same arguments only if there is no mistake.
 */
const main = async (args: string[]): Promise<number> => {
  const { values } = parseArgs({
    args,
    options: { stage: { type: 'string', short: 's' }, help: { type: 'boolean', short: 'h' } },
    strict: false,
    allowPositionals: true,
  })
  if (!values.help) {
    const stages = new Set([...stagesIn(), String(values.stage ?? DEFAULT_STAGE)])
    const reports = [...stages].map((stage) => checkStageFile(stage))
    for (const line of toLines(reports)) console.error(line)
    if (!isValid(reports)) return 1
  }
  // Packaging leaves a copy of each function in the folder for temporary files.
  const temporary = await mkdtemp(join(tmpdir(), 'campaign-conversations-serverless-'))
  try {
    const env = { ...process.env, TMPDIR: temporary }
    const child = spawn(process.execPath, [SERVERLESS, ...args], { stdio: 'inherit', env })
    const [code] = await once(child, 'close')
    return code ?? 1
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

process.exitCode = await main(process.argv.slice(2))
