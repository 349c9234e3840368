import { z } from 'zod'
import { stageConfigSchema } from '../lib/config/stage.ts'

/**
 * Returns the text of `config/schema.json`, the JSON Schema of `config/<stage>.json`. Rules that involve
 * several members, such as unique route names, are not part of it; the service checks them.
 */
export function toConfigSchema(): string {
  const { $schema, ...schema } = z.toJSONSchema(stageConfigSchema, { io: 'input' })
  const titled = { $schema, title: 'Stage configuration of Campaign Conversations', ...schema }
  return `${JSON.stringify(titled, undefined, 2)}\n`
}
