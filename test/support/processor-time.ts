import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** Each Node.js process writes the processor time that it took, in microseconds. */
const RECORD = `
import { appendFileSync } from 'node:fs'
process.on('exit', () => {
  const { user, system } = process.cpuUsage()
  appendFileSync(process.env.PROCESSOR_TIME_FILE, String(user + system) + '\\n')
})
`

/**
 * Runs a function that starts Node.js processes, and returns how much processor time they took, in
 * milliseconds. Unlike the time that passed, it doesn't depend on what else the machine does.
 *
 * @param run Gets the variables that the processes must have. They hand them down to their own.
 */
export const measureProcessorTime = async <T>(
  run: (env: NodeJS.ProcessEnv) => Promise<T>,
): Promise<{ readonly result: T; readonly processorMs: number }> => {
  const folder = await mkdtemp(join(tmpdir(), 'campaign-conversations-time-'))
  try {
    const [script, file] = [join(folder, 'record.mjs'), join(folder, 'times')]
    await Promise.all([writeFile(script, RECORD), writeFile(file, '')])
    const result = await run({
      ...process.env,
      NODE_OPTIONS: `--import ${pathToFileURL(script).href}`,
      PROCESSOR_TIME_FILE: file,
    })
    const times = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '')
    if (times.length === 0) throw new Error('No process has recorded its time.')
    return { result, processorMs: times.reduce((sum, time) => sum + Number(time), 0) / 1000 }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
