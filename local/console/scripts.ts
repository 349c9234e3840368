import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { bundleFormClient } from '../../tools/form-client.ts'

export type Script = '/console.js' | '/form-client.js'

/**
 * Returns a script of the page, built from its TypeScript source. It is built on each call, so that a reload
 * shows a change.
 *
 * @throws {Error} It doesn't compile. The message says where.
 */
export const bundleScript = async (path: Script): Promise<string> => {
  if (path === '/form-client.js') {
    const [, plain] = await bundleFormClient()
    return plain?.code ?? ''
  }
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('./page/console.ts', import.meta.url))],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    write: false,
    logLevel: 'silent',
  })
  return outputFiles[0]?.text ?? ''
}
