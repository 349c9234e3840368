import { createHash } from 'node:crypto'
import type { BundledPackage } from './bundle.ts'

/** The package that the SBOM is about. */
export interface Application {
  readonly name: string
  readonly version: string
  readonly license: string
}

/**
 * Returns the SBOM of a deployed stage: the packages that its functions contain, with the hash of each
 * published package. It has no time and no random id, so that one commit has one SBOM.
 *
 * @see https://cyclonedx.org/docs/1.6/json/
 */
export const toSbom = ({ name, version, license }: Application, packages: readonly BundledPackage[]) => {
  const purlByPath = new Map(packages.map((one) => [one.path, purlOf(one)]))
  const purlsOf = (paths: readonly string[]) => paths.flatMap((path) => purlByPath.get(path) ?? [])
  const application = {
    type: 'application',
    'bom-ref': name,
    name,
    version,
    licenses: toLicenses(license),
  } as const
  const components = packages.map((one) => ({
    type: 'library',
    'bom-ref': purlOf(one),
    ...toCoordinates(one.name),
    version: one.version,
    hashes: [{ alg: 'SHA-512', content: Buffer.from(one.sha512, 'base64').toString('hex') }],
    licenses: toLicenses(one.license),
    purl: purlOf(one),
    properties: one.functions.map((value) => ({ name: `${name}:function`, value })),
  }))
  const imported = new Set(packages.flatMap(({ imports }) => imports))
  const dependencies = [
    { ref: name, dependsOn: purlsOf(packages.flatMap(({ path }) => (imported.has(path) ? [] : [path]))) },
    ...packages.map((one) => ({ ref: purlOf(one), dependsOn: purlsOf(one.imports) })),
  ]
  const content = {
    metadata: { lifecycles: [{ phase: 'build' }], component: application },
    components,
    dependencies,
  }
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${toUuid(JSON.stringify(content))}`,
    version: 1,
    ...content,
  }
}

const toCoordinates = (name: string) => {
  const [group = '', rest] = name.split('/')
  return rest === undefined ? { name } : { group, name: rest }
}

/** @see https://github.com/package-url/purl-spec */
const purlOf = ({ name, version }: BundledPackage): string => `pkg:npm/${name.replace('@', '%40')}@${version}`

const toLicenses = (license: string) =>
  license.includes(' ') ? [{ expression: license }] : [{ license: { id: license } }]

/** Returns a UUID of version 8, which RFC 9562 leaves to its maker. */
const toUuid = (text: string): string => {
  const hex = createHash('sha256').update(text).digest('hex')
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `a${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-')
}
