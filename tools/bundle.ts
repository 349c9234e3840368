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
export interface Bundle {
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

/** Reads serverless.yml. */
const readDeclaration = () => Declaration.parse(parse(readFileSync(join(root, 'serverless.yml'), 'utf8')))

/** Bundles every function with the options of serverless.yml. Writes nothing. */
export const bundleFunctions = (): Promise<readonly Bundle[]> =>
  bundleEntries(
    Object.entries(readDeclaration().functions).map(([name, { handler }]) => ({
      name,
      path: handler.replace(/\.\w+$/, '.ts'),
    })),
  )

/**
 * Bundles files with the options of serverless.yml. Writes nothing.
 *
 * @param entries Paths are from the root.
 * @param differences.banner Code that precedes each bundle. Default: none.
 * @param differences.alias The files that replace packages. Default: those of serverless.yml.
 */
export const bundleEntries = (
  entries: readonly { readonly name: string; readonly path: string }[],
  {
    banner = '',
    alias,
  }: { readonly banner?: string; readonly alias?: Readonly<Record<string, string>> } = {},
): Promise<readonly Bundle[]> => {
  const { custom } = readDeclaration()
  return Promise.all(
    entries.map(async ({ name, path }) => {
      const { outputFiles, metafile } = await build({
        ...custom.esbuild,
        absWorkingDir: root,
        entryPoints: [path],
        outdir: '.esbuild',
        write: false,
        metafile: true,
        banner: { js: banner },
        alias: { ...(alias ?? custom.esbuild.alias) },
      })
      const [file] = outputFiles
      if (!file) throw new Error(`esbuild made nothing of ${path}`)
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
        name: nameOf(path),
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

const nameOf = (path: string): string =>
  path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)

/** Returns the folder of a file's package, from the root. Undefined: the file is this project's. */
const packagePathOf = (file: string): string | undefined =>
  /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]

/** What a bundle has of this project itself. */
const OWN = 'own'

/** Returns how many kB of a bundle each package is, and how many are this project's: `own`. */
export const packagesBytes = ({ outputs }: Metafile): Readonly<Record<string, number>> => {
  const kB = new Map<string, number>()
  for (const [file, { bytesInOutput }] of Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs),
  )) {
    const path = packagePathOf(file)
    const name = path === undefined ? OWN : nameOf(path)
    kB.set(name, (kB.get(name) ?? 0) + bytesInOutput / 1000)
  }
  return Object.fromEntries([...kB].toSorted(([, a], [, b]) => b - a))
}
