import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import axe from 'axe-core'
import type { Page } from 'playwright-core'
import { expect } from 'vitest'

/** A folder for pictures of the pages, such as `docs/images`. Without it, no picture is taken. */
const { SCREENSHOTS } = process.env

/** Returns what axe finds: the rules, and the elements that break them. */
export const violationsOf = async (page: Page) => {
  await page.evaluate(axe.source)
  const results = await page.evaluate<axe.AxeResults>('axe.run()')
  expect(results.passes.length).toBeGreaterThan(5)
  return results.violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])
}

/** Takes a picture of the whole page if somebody wants one. */
export const takePicture = async (page: Page, name: string): Promise<void> => {
  if (!SCREENSHOTS) return
  await mkdir(SCREENSHOTS, { recursive: true })
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true })
}
