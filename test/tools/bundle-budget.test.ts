import { expect, test } from 'vitest'
import { bundleEntries, bundleFunctions, packagesBytes, packagesIn } from '../../tools/bundle.ts'
import { ALLOWED_PACKAGES, BUDGETS, findExcess } from '../../tools/bundle-budget.ts'

const kept = {
  name: 'openFromForm',
  code: BUDGETS.openFromForm?.code ?? 0,
  zip: BUDGETS.openFromForm?.zip ?? 0,
  packages: ALLOWED_PACKAGES,
  loadsUndici: false,
}

test.each([
  ['a function within its budget', {}, []],
  ['more code', { code: kept.code + 1 }, [expect.stringMatching(/^The code of openFromForm has \d+ bytes/)]],
  ['a larger zip', { zip: kept.zip + 1 }, [expect.stringMatching(/^The zip of openFromForm has \d+ bytes/)]],
  [
    'another package',
    { packages: ['@aws-sdk/client-dynamodb'] },
    ['openFromForm contains @aws-sdk/client-dynamodb, which is not allowed.'],
  ],
  ['undici', { loadsUndici: true }, ['openFromForm loads undici when it starts.']],
  ['a function without a budget', { name: 'another' }, ['another has no budget.']],
])('%s', (_, difference, expected) => {
  expect(findExcess({ ...kept, ...difference })).toEqual(expected)
})

test('every function keeps its budget of code, and every allowed package is in one', async () => {
  const bundles = await bundleFunctions()
  expect(bundles.map(({ name }) => name).toSorted()).toEqual(Object.keys(BUDGETS).toSorted())
  const packages = packagesIn(bundles)
  const excess = bundles.flatMap(({ name, code }) =>
    findExcess({
      ...{ name, code: code.length, zip: 0, loadsUndici: false },
      packages: packages.filter(({ functions }) => functions.includes(name)).map((each) => each.name),
    }),
  )
  expect(excess).toEqual([])
  expect(packages.map(({ name }) => name).toSorted()).toEqual(ALLOWED_PACKAGES.toSorted())
})

test('the kB of its packages are the size of a bundle', async () => {
  const [bundle] = await bundleEntries([{ name: 'one', path: 'functions/open-from-form.ts' }])
  const parts = bundle ? packagesBytes(bundle.metafile) : {}
  const sum = Object.values(parts).reduce((total, kB) => total + kB, 0)
  expect(sum / ((bundle?.code.length ?? 0) / 1000)).toBeGreaterThan(0.95)
  expect(Object.keys(parts)).toContain('own')
  expect(Object.keys(parts)).toContain('zod')
})
