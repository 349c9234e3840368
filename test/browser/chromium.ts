import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import chromium from '@sparticuz/chromium'
import { type Browser, chromium as playwright } from 'playwright-core'

/**
 * Starts Chromium from a package. It runs on Linux with an x64 processor. `CHROMIUM` may name another
 * executable.
 *
 * The package's own arguments aren't used: they turn off web security, and CORS with it.
 *
 * @param options.hosts Where names lead, such as `{ 'localhost:5173': '127.0.0.1:40123' }`.
 * @param options.keepsPagesOfHistory Whether the back button shows a page as it was left, scripts included, as
 * in an ordinary browser. Default: it loads the page again.
 */
export const startChromium = async ({
  hosts,
  keepsPagesOfHistory = false,
}: {
  readonly hosts: Readonly<Record<string, string>>
  readonly keepsPagesOfHistory?: boolean
}) => {
  const folder = await mkdtemp(join(tmpdir(), 'campaign-conversations-browser-'))
  const rules = Object.entries(hosts).map(([name, address]) => `MAP ${name} ${address}`)
  const browser: Browser = await playwright.launch({
    executablePath: process.env.CHROMIUM ?? (await unpack(folder)),
    ...(keepsPagesOfHistory && { ignoreDefaultArgs: ['--disable-back-forward-cache'] }),
    args: ['--no-sandbox', `--host-resolver-rules=${rules.join(', ')}`],
  })
  return {
    browser,
    close: async () => {
      await browser.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Unpacks the executable to a folder. The package always takes the system's folder for temporary files. */
const unpack = async (folder: string): Promise<string> => {
  const { TMPDIR } = process.env
  process.env.TMPDIR = folder
  try {
    return await chromium.executablePath()
  } finally {
    if (TMPDIR === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = TMPDIR
  }
}
