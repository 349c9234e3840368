import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { CODES } from '../../lib/errors/codes.ts'
import type { JsonSchema } from '../request-schema.ts'
import { toOpenApi } from './openapi.ts'
import { toOutcomeSchema } from './outcome.ts'
import { toEventSchema, toFormSchema } from './request.ts'
import { toTypes } from './types.ts'

const DIALECT = 'https://json-schema.org/draft/2020-12/schema'

const toFile = (schema: JsonSchema) => ({ $schema: DIALECT, ...schema })

/** The version of the service is that of its contracts. */
const readVersion = (): string => {
  const metadata = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return z.object({ version: z.string() }).parse(metadata).version
}

/** Returns the files of `contracts/` by name, as values. */
export const toContracts = (): Readonly<Record<string, object>> => ({
  'crm-event.schema.json': toFile(toEventSchema()),
  'form-submission.schema.json': toFile(toFormSchema()),
  'outcome-event.schema.json': toFile(toOutcomeSchema()),
  'openapi.json': toOpenApi(readVersion()),
})

/** Returns the text of `web/types.ts`, before it is formatted. */
export const toClientTypes = (): string => {
  const { FormSubmission, RequestStatus, Problem, DomainReport } = toOpenApi(readVersion()).components.schemas
  const Code = { enum: Object.keys(CODES), description: 'A code of a problem or an outcome.' }
  return toTypes({ Code, FormSubmission, RequestStatus, Problem, DomainReport })
}
