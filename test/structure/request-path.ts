import { Session } from 'node:inspector/promises'
import { relative } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startRecording, stopRecording } from './probe.ts'
import { projectRoot } from './source.ts'

/*
 * Prints which files one request enters, as JSON: the first request of a container that has just started, of a new
 * consumer, with a message. `entered` comes from probes, in order; `covered` from V8's precise coverage.
 */
const { ORDER_HELP, deliver, startWorld, submit, toRecord } = await import('../support/world.ts')

/** The claim takes longer than the tokens, so that the order is the same in every run. */
const CLAIM_MS = 300

const world = await startWorld()
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

const request = { requestId: 'request-path-1', campaign: ORDER_HELP, message: 'Where is my order?' }
const createContainer = () => {
  const { table } = world.createService()
  const update: typeof table.update = async (change) => {
    await setTimeout(CLAIM_MS)
    return table.update(change)
  }
  return world.createService({ table: { ...table, update } })
}
const forForm = createContainer()
const forEvent = createContainer()
const form = await record(() => submit(forForm, { ...request, consumer: { firstName: 'Ada' } }))
const event = await record(() =>
  deliver(forEvent, [toRecord({ ...request, consumer: { id: 'crm-7001', firstName: 'Ada' } })]),
)
console.log(JSON.stringify({ form, event }))

inspector.disconnect()
await world.close()
