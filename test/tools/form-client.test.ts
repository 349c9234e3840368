import { expect, test } from 'vitest'
import { bundleFormClient, FORM_CLIENT_BUDGET } from '../../tools/form-client.ts'

test('the form client is an ES module and a plain script, each within its budget and without imports', async () => {
  const files = await bundleFormClient()
  expect(files.map(({ name }) => name)).toEqual(['form-client.js', 'form-client-script.js'])
  for (const { code, gzipped } of files) {
    expect(gzipped).toBeGreaterThan(1000)
    expect(gzipped).toBeLessThanOrEqual(FORM_CLIENT_BUDGET)
    expect(code).not.toMatch(/\bimport\b|\brequire\b|\beval\b/)
  }
  const [module, script] = files
  expect(module?.code).toMatch(/export\{\w+ as start\}/)
  expect(script?.code).not.toContain('export')
})
