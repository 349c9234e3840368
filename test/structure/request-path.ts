import { Session } from 'node:inspector/promises'
import { relative } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startRecording, stopRecording } from './probe.ts'
import { projectRoot } from './source.ts'

/*
 * Prints which files one request enters, as JSON. It is the first request to an empty stage, has a message, and its
 * container has been built but not warmed up. `entered` comes from probes, in order; `covered` from V8's precise
 * coverage.
 */
const { ORDER_HELP, deliver, startWorld, submit, toRecord } = await import('../support/world.ts')

/** The claim takes longer than the tokens, so that the order is the same in every run. */
const CLAIM_MS = 300

const inspector = new Session()
inspector.connect()
await inspector.post('Profiler.enable')

const record = async (request: () => Promise<unknown>) => {
  startRecording()
  await inspector.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
  const answer = await request()
  const { result } = await inspector.post('Profiler.takePreciseCoverage')
  await inspector.post('Profiler.stopPreciseCoverage')
  const covered = result
    .filter(({ functions }) => functions.some(({ ranges }) => ranges.some(({ count }) => count > 0)))
    .map(({ url }) => (url.startsWith('file:') ? relative(projectRoot, fileURLToPath(url)) : ''))
    .filter((path) => /^(functions|lib)\//.test(path))
  return { answer, entered: stopRecording(), covered: covered.toSorted() }
}

type World = Awaited<ReturnType<typeof startWorld>>

const createContainer = (world: World) => {
  const { table } = world.createService()
  const update: typeof table.update = async (change) => {
    await setTimeout(CLAIM_MS)
    return table.update(change)
  }
  return world.createService({ table: { ...table, update } })
}

/** Records a request in a world of its own. */
const recordIn = async (send: (container: ReturnType<typeof createContainer>) => Promise<unknown>) => {
  const world = await startWorld()
  const container = createContainer(world)
  const recorded = await record(() => send(container))
  await world.close()
  return recorded
}

const request = { requestId: 'request-path-1', campaign: ORDER_HELP, message: 'Where is my order?' }
const form = await recordIn((container) => submit(container, { ...request, consumer: { firstName: 'Ada' } }))
const event = await recordIn((container) =>
  deliver(container, [toRecord({ ...request, consumer: { id: 'crm-7001', firstName: 'Ada' } })]),
)
console.log(JSON.stringify({ form, event }))

inspector.disconnect()
