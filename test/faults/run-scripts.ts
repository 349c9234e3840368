import { parseArgs } from 'node:util'
import { answerHelp } from '../../tools/help.ts'
import { compareEndings } from '../simulation/scripts.ts'
import { planStruckScript, type SimulatedScript } from '../simulation/scripts-simulated.ts'
import { startWorld } from '../support/world.ts'
import { startScripts } from './scripts-over-http.ts'

answerHelp(`npm run test:fidelity -- [--seed <number>] [--scripts <count>] [--timeline]

Runs generated scripts in the simulated world and over real HTTP, and prints where they end differently.

  --seed       of the first script, default 1
  --scripts    how many, default 300
  --timeline   also print the steps`)

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    scripts: { type: 'string', default: '300' },
    timeline: { type: 'boolean', default: false },
  },
})

/**
 * `npm run test:fidelity -- --seed 7 --scripts 100 --timeline`: runs generated scripts in the simulated world
 * and over real HTTP, and prints where they end differently.
 */
const main = async () => {
  const startedAt = Date.now()
  const first = Number(values.seed)
  const simulated: SimulatedScript[] = []
  for (let seed = first; seed < first + Number(values.scripts); seed++)
    simulated.push(await planStruckScript(String(seed)))
  const simulatedMs = Date.now() - startedAt
  const world = await startWorld()
  const overHttp = await startScripts(world)
  const faults: Record<string, number> = {}
  let requests = 0
  let different = 0
  for (const { script, ending, timeline } of simulated) {
    const differences = compareEndings(ending, await overHttp.run(script))
    requests += script.requests.length
    for (const struck of ending.struck) {
      const name = struck.replace(/ of request .*/, '').replace(/ \d+$/, '')
      faults[name] = (faults[name] ?? 0) + 1
    }
    if (differences.length === 0) continue
    different += 1
    console.log(`script ${script.seed} (${script.onLostAnswer}) ends differently`)
    for (const { request, site, nth, fault } of script.faults)
      console.log(`  planned: ${fault} at ${site} ${nth} of request ${request + 1}`)
    for (const difference of differences) console.log(`  ${difference}`)
    if (values.timeline) console.log(timeline())
  }
  const total = Object.values(faults).reduce((sum, times) => sum + times, 0)
  console.log(`faults that struck:`)
  for (const [name, times] of Object.entries(faults).toSorted())
    console.log(`  ${String(times).padStart(5)}  ${name}`)
  console.log(
    `${simulated.length} scripts, ${requests} requests, ${total} faults struck, ${different} differences; ` +
      `${(simulatedMs / 1000).toFixed(0)} s simulated, ${((Date.now() - startedAt - simulatedMs) / 1000).toFixed(0)} s over HTTP`,
  )
  overHttp.close()
  await world.close()
  process.exit(different > 0 ? 1 : 0)
}

await main()
