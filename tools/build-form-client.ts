import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleFormClient, FORM_CLIENT_BUDGET } from './form-client.ts'

/** `npm run form-client`: writes both files to `dist/`, and prints their sizes. Exit code 1: over budget. */
const folder = fileURLToPath(new URL('../dist/', import.meta.url))

await mkdir(folder, { recursive: true })
for (const { name, code, gzipped } of await bundleFormClient()) {
  await writeFile(join(folder, name), code)
  console.log(`dist/${name.padEnd(22)} ${gzipped} of ${FORM_CLIENT_BUDGET} bytes, gzipped`)
  if (gzipped > FORM_CLIENT_BUDGET) process.exitCode = 1
}
