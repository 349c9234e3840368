import { readFile, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { withReadableFiles } from './zip.ts'

/** What this plugin uses of the Serverless Framework. */
interface Serverless {
  readonly serviceDir: string
  readonly service: {
    getAllFunctions(): readonly string[]
    getFunction(name: string): { readonly package?: { readonly artifact?: string } }
  }
}

/**
 * A plugin of the Serverless Framework: makes every file of the packages readable for everyone. In a zip,
 * files keep the mode that they have on the builder's disk. Lambda runs functions as another user, who can't
 * read them after a checkout under umask 077.
 *
 * List it after serverless-esbuild, which writes the zips.
 */
export default function readablePackage({ serviceDir, service }: Serverless) {
  const makeReadable = async () => {
    const artifacts = service
      .getAllFunctions()
      .flatMap((name) => service.getFunction(name).package?.artifact ?? [])
    if (artifacts.length === 0) throw new Error('There is no package to make readable.')
    for (const artifact of artifacts) {
      const path = resolve(serviceDir, artifact)
      await writeFile(path, withReadableFiles(await readFile(path)))
    }
  }
  return {
    hooks: {
      'after:package:createDeploymentArtifacts': makeReadable,
      'after:deploy:function:packageFunction': makeReadable,
    },
  }
}
