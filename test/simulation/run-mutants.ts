import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Finding } from './invariants.ts'
import { MUTANTS, type Mutant } from './mutants.ts'

/** The number of requests in the run of a mutant, unless the mutant says otherwise. */
const REQUESTS = 800

/** Runs a mutant and returns how often each promise was broken. */
export const runMutant = async ({ name, options = {} }: Mutant): Promise<ReadonlyMap<string, number>> => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      '--import',
      new URL('mutate.ts', import.meta.url).href,
      fileURLToPath(new URL('run.ts', import.meta.url)),
      ...['--seeds', '1', '--requests', String(options.requests ?? REQUESTS), '--json'],
      ...(options.onLostAnswer === 'hold' ? ['--hold'] : []),
      ...(options.withoutFaults ? ['--no-faults'] : []),
      ...(options.withoutWebhooks ? ['--no-webhooks'] : []),
      ...['--intensity', String(options.intensity ?? 1)],
      ...(options.only ?? []).flatMap((fault) => ['--only', fault]),
    ],
    { env: { ...process.env, MUTANT: name, LOG_LEVEL: 'SILENT' }, maxBuffer: 64 * 1024 * 1024 },
  ).catch(foundSomething)
  const { findings }: { readonly findings: readonly Finding[] } = JSON.parse(stdout)
  const counts = new Map<string, number>()
  for (const { invariant } of findings) counts.set(invariant, (counts.get(invariant) ?? 0) + 1)
  return counts
}

/** A run with findings ends with exit code 1. Its output is as good as any. */
const foundSomething = (error: unknown): { readonly stdout: string } => {
  if (error instanceof Error && 'stdout' in error && String(error.stdout).startsWith('{'))
    return { stdout: String(error.stdout) }
  throw error
}

/** `npm run test:simulation:mutants -- pause`: only the mutants with this text in their names. */
if (import.meta.main) {
  const [wanted = ''] = process.argv.slice(2)
  const chosen = MUTANTS.filter(({ name }) => name.includes(wanted))
  let caught = 0
  for (const mutant of chosen) {
    const counts = await runMutant(mutant).catch((error: Error) => {
      console.log(error.message.split('\n').find((line) => line.startsWith('Error')) ?? error.message)
      return new Map<string, number>()
    })
    const count = counts.get(mutant.breaks) ?? 0
    caught += count > 0 ? 1 : 0
    const others = [...counts].filter(([name]) => name !== mutant.breaks).map(([name, n]) => `${name} ${n}`)
    console.log(`${count > 0 ? 'caught' : 'MISSED'}  ${mutant.name}\n        ${mutant.breaks}: ${count}`)
    if (others.length > 0) console.log(`        also: ${others.join('; ')}`)
  }
  console.log(`${caught} of ${chosen.length} mutants caught`)
  if (caught < chosen.length) process.exitCode = 1
}
