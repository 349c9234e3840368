import type { JsonSchema } from '../request-schema.ts'
import { toOpenApi } from './openapi.ts'
import { toOutcomeSchema } from './outcome.ts'
import { toEventSchema, toFormSchema } from './request.ts'
import { toTypes } from './types.ts'

const DIALECT = 'https://json-schema.org/draft/2020-12/schema'

const toFile = (schema: JsonSchema) => ({ $schema: DIALECT, ...schema })

/**
 * Returns the files of `contracts/` by name, as values.
 *
 * @param version The version of the package.
 */
export const toContracts = (version: string): Readonly<Record<string, object>> => ({
  'crm-event.schema.json': toFile(toEventSchema()),
  'form-submission.schema.json': toFile(toFormSchema()),
  'outcome-event.schema.json': toFile(toOutcomeSchema()),
  'openapi.json': toOpenApi(version),
})

/** Returns the text of `web/types.ts`, before it is formatted. */
export const toClientTypes = (): string => {
  const { FormSubmission, RequestStatus, Problem, DomainReport } = toOpenApi('').components.schemas
  return toTypes({ FormSubmission, RequestStatus, Problem, DomainReport })
}
