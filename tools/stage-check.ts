import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkStageConfig, type StageConfig, warningsOf } from '../lib/config/stage.ts'
import { type Finding, InvalidRequestError } from '../lib/errors/errors.ts'
import { parseJson } from '../lib/request/strict-json.ts'
import { type Place, readPlacedJson } from './json-places.ts'
import { withRemedy } from './stage-remedies.ts'

/** The folder of the stage files. */
export const CONFIG_FOLDER = fileURLToPath(new URL('../config/', import.meta.url))

/** A mistake, which stops a start or a deploy, or something that an operator should know. */
export interface StageFinding extends Partial<Place> {
  readonly severity: 'error' | 'warning'
  /** Dotted, '' for the whole file. */
  readonly path: string
  /** Continues a sentence that starts with the path. Says what to do. */
  readonly message: string
}

/** The result of checking one stage file. */
export interface StageReport {
  /** The path of the file, relative to the working directory. */
  readonly file: string
  /** In the order of the file. */
  readonly findings: readonly StageFinding[]
  /** `undefined` if there is a mistake. */
  readonly stage?: StageConfig
}

/**
 * Returns every mistake and every warning about the text of a stage file.
 *
 * @param options.loopback As for `checkStageConfig`.
 */
export const checkStageText = (
  text: string,
  { loopback }: { readonly loopback: boolean },
): Omit<StageReport, 'file'> => {
  const json = readPlacedJson(text)
  const written = json.mistakes.map(({ path, place, message }) => ({ path, message, ...place }))
  const { stage, mistakes } = json.value === undefined ? { mistakes: [] } : check(json.value, loopback)
  const placed = ({ path, message }: Finding) => ({ path, message, ...json.placeOf(path) })
  const errors = [
    ...written,
    ...mistakes.map((mistake) => ({ ...placed(mistake), message: withRemedy(mistake, json) })),
    ...(written.length > 0 ? [] : strictMistakes(text))
      .filter(({ path }) => mistakes.every((other) => other.path !== path))
      .map(placed),
  ]
  const warnings = stage === undefined ? [] : warningsOf(stage).map(placed)
  const findings = [
    ...errors.map((error) => ({ severity: 'error' as const, ...error })),
    ...warnings.map((warning) => ({ severity: 'warning' as const, ...warning })),
  ].toSorted((one, other) => one.line - other.line || one.column - other.column)
  return { findings, ...(stage !== undefined && errors.length === 0 && { stage }) }
}

const check = (value: unknown, loopback: boolean) => checkStageConfig(value, { loopback })

/** Returns what the functions refuse besides, such as `__proto__`. */
const strictMistakes = (text: string): readonly Finding[] => {
  try {
    parseJson(text)
    return []
  } catch (error) {
    if (error instanceof InvalidRequestError) return error.findings
    throw error
  }
}

/** Checks the file of one stage. A file that is missing is a mistake. */
export const checkStageFile = (stage: string, folder = CONFIG_FOLDER): StageReport => {
  const path = join(folder, `${stage}.json`)
  const file = relative(process.cwd(), path)
  try {
    return { file, ...checkStageText(readFileSync(path, 'utf8'), { loopback: stage === 'local' }) }
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    const message = isMissing
      ? `is missing: write it, or name one of the stages that have a file: ${stagesIn(folder).join(', ')}`
      : `can't be read: ${error instanceof Error ? error.message : String(error)}`
    return { file, findings: [{ severity: 'error', path: '', message }] }
  }
}

/** Returns the names of the stages that have a file. */
export const stagesIn = (folder = CONFIG_FOLDER): readonly string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.json') && name !== 'schema.json')
    .map((name) => name.replace(/\.json$/, ''))
    .toSorted()

/** Returns whether none of the files has a mistake. */
export const isValid = (reports: readonly StageReport[]): boolean =>
  reports.every(({ findings }) => findings.every(({ severity }) => severity !== 'error'))

/** Returns one line for each finding, as `file:line:column: severity: path message.` */
export const toLines = (reports: readonly StageReport[]): readonly string[] =>
  reports.flatMap(({ file, findings }) =>
    findings.map(({ severity, path, message, line, column }) => {
      const place = line === undefined ? file : `${file}:${line}:${column}`
      return `${place}: ${severity}: ${path || 'the file'} ${message}.`
    }),
  )
