import { checkStage } from './checkup.ts'
import { HELP, readSettings, type Settings } from './settings.ts'
import type { Step } from './steps.ts'

/**
 * `npm run doctor -- --stage <stage>`: checks for each account of a stage what must work before a
 * conversation can be opened, without opening one. Exits with 0 if every step is ok, 1 if one isn't, 2 for
 * wrong flags.
 */
async function main(settings: Settings): Promise<boolean> {
  const steps: Step[] = []
  await checkStage(settings, (step) => {
    steps.push(step)
    console.log(toLine(step))
  })
  const ok = steps.every(({ status }) => status === 'ok')
  const failed = steps.filter(({ status }) => status === 'failed').length
  console.log(ok ? '\nAll steps are ok.' : `\n${failed} ${failed === 1 ? 'step' : 'steps'} failed.`)
  if (settings.json) console.log(JSON.stringify({ ok, stage: settings.stage, steps }))
  return ok
}

function toLine({ accountId, step, status, found, warnings = [], code, next }: Step): string {
  const head = `${accountId.padEnd(10)}  ${step.padEnd(16)}  ${status.padEnd(7)}  `
  const reason = code === undefined ? found : `${code}: ${found}`
  const line = head + (next === undefined ? reason : `${reason} Next: ${next}`)
  return [line, ...warnings.map((warning) => `  warning: ${warning}`)].join('\n')
}

function readFlags(): Settings | 'help' {
  try {
    return readSettings(process.argv.slice(2), process.env)
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    console.error('See `npm run doctor -- --help`.')
    process.exit(2)
  }
}

const settings = readFlags()
if (settings === 'help') console.log(HELP)
else {
  // The SDK's clients read it when they are created.
  process.env.AWS_REGION = settings.region
  if (!(await main(settings))) process.exitCode = 1
}
