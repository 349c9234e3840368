import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleFormClient, FORM_CLIENT_BUDGET } from './form-client.ts'
import { answerHelp } from './help.ts'

/** `npm run form-client`: writes both files to `dist/`, and prints their sizes. Exit code 1: over budget. */
answerHelp(`npm run form-client

Writes the form client to dist/, and prints the sizes of its files. Exits with 1 if one is over its budget.`)
const folder = fileURLToPath(new URL('../dist/', import.meta.url))

await mkdir(folder, { recursive: true })
for (const { name, code, gzipped } of await bundleFormClient()) {
  await writeFile(join(folder, name), code)
  console.log(`dist/${name.padEnd(22)} ${gzipped} of ${FORM_CLIENT_BUDGET} bytes, gzipped`)
  if (gzipped > FORM_CLIENT_BUDGET) process.exitCode = 1
}
