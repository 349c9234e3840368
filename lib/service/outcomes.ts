import { createEventBus, type EventBus } from '../aws/event-bus.ts'
import { awsOptions } from '../aws/options.ts'
import type { OutcomesConfig } from '../config/environment.ts'
import { createLog } from '../telemetry/log.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { type Seams, system } from './seams.ts'

/** Nobody waits for an event, so a slow bus gets more time than a slow table. */
const AWS = { ...awsOptions, maxAttempts: 2, connectTimeoutMs: 1000, timeoutMs: 5000 }

export type OutcomesService = ReturnType<typeof createOutcomesService>

/** Returns what `publishOutcomes` needs. */
export const createOutcomesService = (
  { eventBus }: OutcomesConfig,
  seams: Partial<Pick<Seams, 'now' | 'sleep' | 'random'>> & { readonly bus?: EventBus } = {},
) => {
  const { now, sleep, random } = { ...system, ...seams }
  const { bus = createEventBus({ name: eventBus, aws: AWS }) } = seams
  return { bus, now, sleep, random, log: createLog(), count: createMetrics().count }
}
