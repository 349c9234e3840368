import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startScripts } from '../faults/scripts-over-http.ts'
import { startWorld, type World } from '../support/world.ts'
import { compareEndings } from './scripts.ts'
import { planStruckScript, type SimulatedScript } from './scripts-simulated.ts'

const SCRIPTS = 20

let simulated: readonly SimulatedScript[]
let world: World
let overHttp: Awaited<ReturnType<typeof startScripts>>
beforeAll(async () => {
  // Before the stand-ins start: their timers must not follow virtual time.
  const planned: SimulatedScript[] = []
  for (let seed = 1; seed <= SCRIPTS; seed++) planned.push(await planStruckScript(`short-${seed}`))
  simulated = planned
  world = await startWorld()
  overHttp = await startScripts(world)
})
afterAll(async () => {
  overHttp.close()
  await world.close()
})

describe('a script', { timeout: 60_000 }, () => {
  // `npm run test:fidelity` runs 300.
  test('ends the same in the simulated world and over HTTP', async () => {
    for (const { script, ending } of simulated)
      expect({ script, differences: compareEndings(ending, await overHttp.run(script)) }).toEqual({
        script,
        differences: [],
      })
  })

  test('ends differently if a fault strikes in one of the worlds only', async () => {
    const struck = simulated.find(({ ending }) =>
      ending.requests.some(({ told }) => told.includes('nothing')),
    )
    if (!struck) throw new Error('No script kills the container of a form')
    const differences = compareEndings(struck.ending, await overHttp.run({ ...struck.script, faults: [] }))
    expect(differences.length).toBeGreaterThan(1)
  })
})
