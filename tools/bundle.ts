import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Metafile } from 'esbuild'
import { parse } from 'yaml'
import { z } from 'zod'

/** The project's root folder. */
const root = fileURLToPath(new URL('..', import.meta.url))

/** A package of which at least one byte is in a function's bundle. */
export interface BundledPackage {
  /** Where it is installed, from the root. Two versions of one package have two paths. */
  readonly path: string
  readonly name: string
  readonly version: string
  /** An SPDX expression. */
  readonly license: string
  /** The SHA-512 of the published package, in base64. */
  readonly sha512: string
  /** The functions that contain it, by their names in serverless.yml. */
  readonly functions: readonly string[]
  /** The paths of the bundled packages that it imports. */
  readonly imports: readonly string[]
}

/** What one function consists of. */
interface Bundle {
  readonly name: string
  readonly code: Uint8Array
  readonly metafile: Metafile
}

const Declaration = z.object({
  functions: z.record(z.string(), z.object({ handler: z.string() })),
  custom: z.object({
    esbuild: z.object({
      bundle: z.boolean(),
      minify: z.boolean(),
      format: z.literal('esm'),
      platform: z.literal('node'),
      target: z.string(),
      mainFields: z.array(z.string()),
      alias: z.record(z.string(), z.string()),
      charset: z.literal('utf8'),
      legalComments: z.literal('none'),
      sourcemap: z.literal(false),
    }),
  }),
})

const LockFile = z.object({
  packages: z.record(
    z.string(),
    z.object({ version: z.string(), license: z.string().optional(), integrity: z.string().optional() }),
  ),
})

/** Bundles every function with the options of serverless.yml. Writes nothing. */
export const bundleFunctions = async (): Promise<readonly Bundle[]> => {
  const { functions, custom } = Declaration.parse(parse(readFileSync(join(root, 'serverless.yml'), 'utf8')))
  return Promise.all(
    Object.entries(functions).map(async ([name, { handler }]) => {
      const { outputFiles, metafile } = await build({
        ...custom.esbuild,
        absWorkingDir: root,
        entryPoints: [handler.replace(/\.\w+$/, '.ts')],
        outdir: '.esbuild',
        write: false,
        metafile: true,
      })
      const [file] = outputFiles
      if (!file) throw new Error(`esbuild made nothing of ${handler}`)
      return { name, code: file.contents, metafile }
    }),
  )
}

/**
 * Returns the packages that bundles contain, in the order of their paths.
 *
 * @throws {Error} The lock file has no version or no SHA-512 of one of them.
 */
export const packagesIn = (bundles: readonly Bundle[]): readonly BundledPackage[] => {
  const { packages } = LockFile.parse(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')))
  const filesByPath = Map.groupBy(bundles.flatMap(filesOf), ({ path }) => path)
  return [...filesByPath]
    .map(([path, files]) => {
      const { version = '', license = '', integrity = '' } = packages[path] ?? {}
      if (version === '' || !integrity.startsWith('sha512-'))
        throw new Error(`package-lock.json has no version or no SHA-512 of ${path}. Run npm install`)
      const imports = new Set(files.flatMap((file) => file.imports))
      imports.delete(path)
      return {
        path,
        name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
        version,
        license,
        sha512: integrity.replace(/^sha512-/, ''),
        functions: [...new Set(files.map((file) => file.function))],
        imports: [...imports].filter((imported) => filesByPath.has(imported)).toSorted(),
      }
    })
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))
}

/** Returns the files of packages of which a bundle contains something. */
const filesOf = ({ name, metafile: { inputs, outputs } }: Bundle) =>
  Object.values(outputs)
    .flatMap((output) => Object.entries(output.inputs))
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .flatMap(([file]) => {
      const path = packagePathOf(file)
      if (path === undefined) return []
      const imports = (inputs[file]?.imports ?? []).flatMap((imported) => packagePathOf(imported.path) ?? [])
      return [{ function: name, path, imports }]
    })

/** Returns the folder of a file's package, from the root. Undefined: the file is this project's. */
const packagePathOf = (file: string): string | undefined =>
  /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]
