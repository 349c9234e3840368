import { parseArgs } from 'node:util'
import { CONFIG_FOLDER, checkStageFile, isValid, stagesIn, toLines } from './stage-check.ts'

const HELP = `npm run config:check [-- --stage <stage>] [--folder <folder>] [--json]

Checks the configuration of all stages, or of one. Prints every mistake and every warning with its line and
column. npm start, npm run demo, npm run package and npm run deploy check the same.

  --stage    only config/<stage>.json
  --folder   another folder than config/
  --json     print one JSON object: {ok, files: [{file, findings: [{severity, path, message, line, column}]}]}.
             severity is error or warning

Exits with 0 if there is no mistake, also if there are warnings, 1 if there is one, 2 for wrong arguments.`

const main = (args: string[]): number => {
  const { values: flags } = parseArgs({
    args,
    options: {
      stage: { type: 'string', short: 's' },
      folder: { type: 'string', default: CONFIG_FOLDER },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (flags.help) {
    console.log(HELP)
    return 0
  }
  const stages = flags.stage === undefined ? stagesIn(flags.folder) : [flags.stage]
  const reports = stages.map((stage) => checkStageFile(stage, flags.folder))
  const ok = isValid(reports)
  if (flags.json) {
    const files = reports.map(({ file, findings }) => ({ file, findings }))
    console.log(JSON.stringify({ ok, files }, undefined, 2))
  } else {
    for (const line of toLines(reports)) console.error(line)
    if (ok) console.log(`${reports.map(({ file }) => file).join(', ')}: no mistakes.`)
  }
  return ok ? 0 : 1
}

try {
  process.exitCode = main(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  console.error('See npm run config:check -- --help')
  process.exitCode = 2
}
