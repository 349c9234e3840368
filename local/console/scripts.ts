import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const ENTRIES = {
  '/console.js': new URL('./page/console.ts', import.meta.url),
  '/form-client.js': new URL('../../web/form-client-script.ts', import.meta.url),
} as const

/**
 * Returns a script of the page, built from its TypeScript source. It is built on each call, so that a reload
 * shows a change.
 *
 * @throws {Error} It doesn't compile. The message says where.
 */
export const bundlePage = async (path: keyof typeof ENTRIES): Promise<string> => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(ENTRIES[path])],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    write: false,
    logLevel: 'silent',
  })
  return outputFiles[0]?.text ?? ''
}
