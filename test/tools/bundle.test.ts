import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { type BundledPackage, bundleFunctions, packagesIn } from '../../tools/bundle.ts'
import { withBundleTable } from '../../tools/bundle-docs.ts'
import { toSbom } from '../../tools/sbom.ts'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const { packages: locked } = JSON.parse(read('package-lock.json'))

let packages: readonly BundledPackage[]
beforeAll(async () => {
  packages = packagesIn(await bundleFunctions())
})

describe('the bundled packages', () => {
  test('are in the lock file, with version, license and hash', () => {
    expect(packages.length).toBeGreaterThan(10)
    for (const { path, version, license, sha512 } of packages) {
      expect(locked[path]).toMatchObject({ version, license, integrity: `sha512-${sha512}` })
      expect(license).not.toBe('')
    }
  })

  test('are not development tools', () => {
    for (const { path } of packages) expect(locked[path].dev).toBeUndefined()
  })

  test('name the functions that contain them', () => {
    const functionsOf = (name: string) => packages.find((one) => one.name === name)?.functions
    expect(functionsOf('@smithy/signature-v4')).toHaveLength(6)
    // Their calls are made by lib/aws/call.ts.
    expect(functionsOf('@aws-sdk/client-dynamodb')).toBeUndefined()
    expect(functionsOf('@aws-sdk/client-sqs')).toBeUndefined()
    expect(functionsOf('jose')).toEqual(['openFromForm', 'openFromQueue'])
  })

  test('leave out what esbuild removes', () => {
    const input = (bytesInOutput: number) => ({ bytesInOutput })
    const file = { bytes: 1, imports: [] }
    const inputs = { 'node_modules/jose/a.js': file, 'node_modules/zod/b.js': file }
    const output = {
      bytes: 1,
      imports: [],
      exports: [],
      inputs: { 'node_modules/jose/a.js': input(1), 'node_modules/zod/b.js': input(0) },
    }
    const found = packagesIn([
      { name: 'one', code: new Uint8Array(), metafile: { inputs, outputs: { output } } },
    ])
    expect(found.map(({ name }) => name)).toEqual(['jose'])
  })

  test('are refused without a version and a hash in the lock file', () => {
    const file = { bytes: 1, imports: [] }
    const path = 'node_modules/jose/node_modules/not-locked/a.js'
    const output = { bytes: 1, imports: [], exports: [], inputs: { [path]: { bytesInOutput: 1 } } }
    const metafile = { inputs: { [path]: file }, outputs: { output } }
    expect(() => packagesIn([{ name: 'one', code: new Uint8Array(), metafile }])).toThrow('no SHA-512')
  })

  test('are listed in docs/decisions.md, as `npm run docs:bundle` writes them', () => {
    const page = read('docs/decisions.md')
    expect(page).toBe(withBundleTable(page, packages))
  })

  test.each(['', '<!-- bundle:start -->', '<!-- bundle:end --><!-- bundle:start -->'])(
    'need a page with both markers, in order: %j',
    (page) => {
      expect(() => withBundleTable(page, packages)).toThrow('The page must contain <!-- bundle:start -->')
    },
  )
})

describe('the SBOM', () => {
  const application = { name: 'example', version: '1.0.0', license: 'MIT' }
  const one: BundledPackage = {
    path: 'node_modules/@scope/one',
    name: '@scope/one',
    version: '1.2.3',
    license: 'MIT OR Apache-2.0',
    sha512: Buffer.from('hash').toString('base64'),
    functions: ['openFromForm'],
    imports: ['node_modules/two'],
  }
  const two: BundledPackage = {
    ...{ path: 'node_modules/two', name: 'two', version: '2.0.0', license: 'ISC', sha512: '' },
    ...{ functions: [], imports: [] },
  }

  test('describes each package as CycloneDX says', () => {
    expect(toSbom(application, [one, two])).toMatchObject({
      bomFormat: 'CycloneDX',
      specVersion: '1.6',
      serialNumber: expect.stringMatching(/^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
      version: 1,
      metadata: { component: { type: 'application', name: 'example', version: '1.0.0' } },
      components: [
        {
          type: 'library',
          group: '@scope',
          name: 'one',
          version: '1.2.3',
          purl: 'pkg:npm/%40scope/one@1.2.3',
          licenses: [{ expression: 'MIT OR Apache-2.0' }],
          hashes: [{ alg: 'SHA-512', content: '68617368' }],
          properties: [{ name: 'example:function', value: 'openFromForm' }],
        },
        { name: 'two', purl: 'pkg:npm/two@2.0.0', licenses: [{ license: { id: 'ISC' } }] },
      ],
      dependencies: [
        { ref: 'example', dependsOn: ['pkg:npm/%40scope/one@1.2.3'] },
        { ref: 'pkg:npm/%40scope/one@1.2.3', dependsOn: ['pkg:npm/two@2.0.0'] },
        { ref: 'pkg:npm/two@2.0.0', dependsOn: [] },
      ],
    })
  })

  test('is the same for the same packages, and has another serial number for others', () => {
    const serialOf = (given: readonly BundledPackage[]) => toSbom(application, given).serialNumber
    expect(serialOf([one, two])).toBe(serialOf([one, two]))
    expect(serialOf([one, { ...two, version: '2.0.1' }])).not.toBe(serialOf([one, two]))
  })

  test('has a hash of 64 bytes for each bundled package, and refers to nothing else', () => {
    const { components, dependencies } = toSbom(application, packages)
    expect(components).toHaveLength(packages.length)
    for (const { hashes } of components) expect(hashes[0]?.content).toMatch(/^[0-9a-f]{128}$/)
    const refs = new Set(['example', ...components.map((component) => component['bom-ref'])])
    for (const { ref, dependsOn } of dependencies)
      for (const each of [ref, ...dependsOn]) expect(refs).toContain(each)
    expect(refs.size).toBe(components.length + 1)
  })
})
