import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

/** The form client in one format. */
export interface FormClientFile {
  /** The name of the file in `dist/`. */
  readonly name: string
  readonly code: string
  /** How many bytes are sent, gzipped. */
  readonly gzipped: number
}

/** The most bytes that each file may have, gzipped. */
export const FORM_CLIENT_BUDGET = 3000

/** As an ES module for pages that have a build, and as a plain script that starts by itself. */
const FILES = [
  { name: 'form-client.js', entry: 'web/form-client.ts', format: 'esm' },
  { name: 'form-client-script.js', entry: 'web/form-client-script.ts', format: 'iife' },
] as const

/** Bundles the form client in memory: first the ES module, then the plain script. */
export const bundleFormClient = (): Promise<readonly FormClientFile[]> =>
  Promise.all(
    FILES.map(async ({ name, entry, format }) => {
      const { outputFiles } = await build({
        absWorkingDir: fileURLToPath(new URL('..', import.meta.url)),
        entryPoints: [entry],
        bundle: true,
        minify: true,
        format,
        platform: 'browser',
        target: 'es2022',
        charset: 'utf8',
        // Without the project's settings, which add "use strict" to the plain script. The code needs none.
        tsconfigRaw: {},
        write: false,
      })
      const code = outputFiles.map(({ text }) => text).join('')
      return { name, code, gzipped: gzipSync(code, { level: 9 }).length }
    }),
  )
