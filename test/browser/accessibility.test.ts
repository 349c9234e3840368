import { readFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { CODES } from '../../lib/errors/codes.ts'
import { takePicture, violationsOf } from './axe.ts'
import { RECEIVED, says, send } from './form-page.ts'
import { type Site, startSite } from './site.ts'

const STYLE = `
  :root { color-scheme: light dark; background: light-dark(#fff, #121212); color: light-dark(#111, #eee) }
  body { max-width: 26rem; margin: 0 auto; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif }
  label { display: block }
  input, textarea { box-sizing: border-box; width: 100%; padding: .4rem; font: inherit }
  button { padding: .4rem 1.2rem; font: inherit }
  [aria-invalid] { outline: 2px solid light-dark(#b00020, #ff8a8a) }
  [data-error-for] { color: light-dark(#b00020, #ff8a8a) }`

let site: Site
let example = ''

beforeAll(async () => {
  const text = await readFile(new URL('../../docs/form-api.md', import.meta.url), 'utf8')
  ;[, example = ''] = /```html\n(.*?)```/s.exec(text) ?? []
  site = await startSite()
})
afterAll(() => site?.close())
afterEach(() => site.reset())

/** Opens the form of the documentation in a page with little style. */
const visitForm = async (options: object = {}, script = '') => {
  const form = example.replace('https://api.example.com', site.api.signedIn.url)
  site.serve({
    '/': `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Contact</title>
      <style>${STYLE}</style>${script && `<script>${script}</script>`}</head>
      <body><main><h1>Contact us</h1>${form}</main></body></html>`,
  })
  return site.visit('/', { viewport: { width: 440, height: 560 }, ...options })
}

describe('axe finds nothing', () => {
  test.each(['light', 'dark'] as const)('in any state of the form: %s', async (colorScheme) => {
    const token = await site.brand.sign({ sub: `axe-${colorScheme}` })
    const page = await visitForm({ colorScheme }, `campaignConversations = { token: () => '${token}' }`)
    expect(await violationsOf(page)).toEqual([])
    await page.getByLabel('Name').fill('Zoë')
    await page.getByLabel('Email').fill(`${'zoe.berg.'.repeat(40)}@example.org`)
    await page.getByLabel('Message').fill('My order is late')
    await send(page).click()
    await says(page, 'Please correct the marked fields.')
    expect(await violationsOf(page)).toEqual([])
    await takePicture(page, `form-${colorScheme}`)
    await page.getByLabel('Email').fill('zoe@example.org')
    await send(page).click()
    await says(page, RECEIVED)
    expect(await page.getByRole('link').count()).toBe(1)
    expect(await violationsOf(page)).toEqual([])
    await takePicture(page, `form-sent-${colorScheme}`)
  })

  test.each(['light', 'dark'] as const)('on the pages of the service: %s', async (colorScheme) => {
    const page = await site.visit('/', { colorScheme })
    const { url } = site.api.anonymous
    for (const address of ['unknown-request', ...Object.keys(CODES).map((code) => `problem?code=${code}`)]) {
      await page.goto(`${url}/conversations/${address}`)
      expect([address, await violationsOf(page)]).toEqual([address, []])
    }
  })
})

describe('with the keyboard only', () => {
  test('a form is filled in, corrected and sent, and its link is reached', async () => {
    const token = await site.brand.sign({ sub: 'keyboard' })
    const page = await visitForm({}, `campaignConversations = { token: () => '${token}' }`)
    const { keyboard } = page
    const press = async (...keys: readonly string[]) => {
      for (const key of keys) await keyboard.press(key)
    }
    const focused = () =>
      page.evaluate<string>('document.activeElement.name || document.activeElement.textContent')

    await press('Tab')
    await keyboard.type('Zoë')
    await press('Tab')
    await keyboard.insertText(`${'x'.repeat(400)}@example.org`)
    await press('Tab')
    await keyboard.type('My order is late')
    await press('Tab')
    expect(await focused()).toBe('Send')
    await press('Space')
    await says(page, 'Please correct the marked fields.')
    expect(await focused()).toBe('consumer.email')
    await press('Control+A')
    await keyboard.type('zoe@example.org')
    await press('Enter')
    await says(page, RECEIVED)
    await press('Tab', 'Tab', 'Tab')
    expect(await focused()).toBe('Go to the conversation')
    expect(site.world.livePerson.conversations()).toHaveLength(1)
  })

  test('a form without JavaScript is sent', async () => {
    const page = await visitForm({ javaScriptEnabled: false })
    await page.keyboard.press('Tab')
    await page.keyboard.type('Zoë')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    await page.keyboard.type('Hello')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Thank you' }).waitFor()
    expect(site.world.livePerson.conversations()).toHaveLength(1)
  })
})
