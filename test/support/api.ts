import { createHandler as createStatusHandler } from '../../functions/conversation-status.ts'
import { createHandler as createFormHandler } from '../../functions/open-from-form.ts'
import { parseStageConfig } from '../../lib/config/stage.ts'
import { invokeInProcess } from '../../local/aws/invoke.ts'
import { type HttpApi, startHttpApi } from '../../local/stack/http-api.ts'
import { toCors } from '../../tools/cors.ts'
import type { World } from './world.ts'

/**
 * Starts the HTTP API of a stage. Its functions run in this process.
 *
 * @param stage The content of a stage configuration file.
 */
export const startApi = (world: World, stage: unknown): Promise<HttpApi> => {
  const service = world.createService({ stage, config: { formDeadlineMs: 1_500 } })
  const open = invokeInProcess(
    createFormHandler(() => service),
    { timeoutMs: 15_000 },
  )
  const askStatus = invokeInProcess(createStatusHandler(() => service))
  return startHttpApi({
    routes: [
      { method: 'POST', path: '/conversations', invoke: open },
      { method: 'GET', path: '/conversations/{requestId}', invoke: askStatus },
    ],
    cors: toCors(parseStageConfig(stage, { name: 'the stage configuration', loopback: true })),
  })
}
