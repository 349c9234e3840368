import type { StageConfig } from '../../lib/config/stage.ts'
import { checkStageFile, toLines } from '../../tools/stage-check.ts'

/**
 * Returns the configuration of the stage `local`, which the local stack runs.
 *
 * @param log Called with each warning.
 * @throws {Error} `config/local.json` has mistakes. The message lists all of them.
 */
export const readLocalStage = (log: (line: string) => void): StageConfig => {
  const report = checkStageFile('local')
  const lines = toLines([report])
  if (report.stage === undefined) throw new Error(lines.join('\n'))
  for (const line of lines) log(line)
  return report.stage
}
