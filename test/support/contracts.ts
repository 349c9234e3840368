import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { z } from 'zod'

const document = z.record(z.string(), z.unknown())

/** Returns a file of `contracts/`, parsed. */
export const readContract = (name: string): Readonly<Record<string, unknown>> =>
  document.parse(JSON.parse(readFileSync(new URL(`../../contracts/${name}`, import.meta.url), 'utf8')))

// OpenAPI has keywords of its own, and formats only describe.
const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true })
ajv.addSchema(readContract('openapi.json'), 'openapi.json')

/** Returns what is wrong with a value, undefined if it is valid. */
export type Validate = (value: unknown) => string | undefined

const toValidate = (schema: object): Validate => {
  const validate = ajv.compile(schema)
  return (value) => (validate(value) ? undefined : ajv.errorsText(validate.errors))
}

/** Returns the check of a schema in `contracts/`. */
export const validatorOf = (name: string): Validate => toValidate(readContract(name))

/** Returns the check of a part of the OpenAPI document. @param pointer Such as `/components/schemas/Problem`. */
export const partValidatorOf = (pointer: string): Validate => toValidate({ $ref: `openapi.json#${pointer}` })
