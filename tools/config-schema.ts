import { z } from 'zod'
import { stageConfigSchema } from '../lib/config/stage.ts'

/**
 * Gives the JSON Schema of `config/<stage>.json`, as the file's text. What stands between two members, such as a route's
 * name twice, only the service itself checks.
 */
export function toConfigSchema(): string {
  const { $schema, ...schema } = z.toJSONSchema(stageConfigSchema, { io: 'input' })
  const titled = { $schema, title: 'Stage configuration of Campaign Conversations', ...schema }
  return `${JSON.stringify(titled, undefined, 2)}\n`
}
