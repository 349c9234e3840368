import { readFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { ORDERS_SKILL } from '../support/world.ts'
import { RECEIVED, says, send } from './form-page.ts'
import { CONTINUE, type Site, startSite } from './site.ts'

let site: Site
let form = ''
let goesOn = ''
let withToken = ''

beforeAll(async () => {
  const text = await readFile(new URL('../../docs/form-api.md', import.meta.url), 'utf8')
  ;[form = '', goesOn = '', withToken = ''] = [...text.matchAll(/```html\n(.*?)```/gs)].map(
    ([, example]) => example,
  )
  site = await startSite()
})
afterAll(() => site?.close())
afterEach(() => site.reset())

const conversations = () => site.world.livePerson.conversations()

/** Serves examples exactly as they are printed, but with the address of this machine's API. */
const serve = (api: { readonly url: string }, ...examples: readonly string[]) =>
  site.serve({
    '/': ['<!doctype html><title>Contact</title>', ...examples]
      .join('\n')
      .replace('https://api.example.com', api.url),
    '/thanks': '<!doctype html><title>Thanks</title>',
  })

describe('the form of the documentation', () => {
  test.each([true, false])('becomes a conversation, with JavaScript: %s', async (javaScriptEnabled) => {
    serve(site.api.anonymous, form)
    const page = await site.visit('/', { javaScriptEnabled })
    await page.getByLabel('Name').fill('Zoë')
    await page.getByLabel('Email').fill('zoe@example.org')
    await page.getByLabel('Message').fill('My order is late')
    await send(page).click()
    if (javaScriptEnabled) await says(page, RECEIVED)
    else await page.getByRole('heading', { name: 'Thank you' }).waitFor()
    expect(conversations()).toMatchObject([
      {
        skillId: Number(ORDERS_SKILL),
        messages: [{ text: 'My order is late' }],
        profile: { firstName: 'Zoë' },
      },
    ])
  })

  test('leads to another page with the script of the documentation', async () => {
    serve(site.api.anonymous, goesOn, form)
    const page = await site.visit()
    await page.getByLabel('Name').fill('Zoë')
    await page.getByLabel('Message').fill('Hello')
    await send(page).click()
    await page.waitForURL('**/thanks')
  })

  test('sends the token of the documentation', async () => {
    const token = await site.brand.sign({ sub: 'documented' })
    serve(site.api.signedIn, `<script>const sessionToken = async () => '${token}'</script>`, withToken, form)
    const page = await site.visit()
    await page.getByLabel('Name').fill('Zoë')
    await page.getByLabel('Message').fill('Hello')
    await send(page).click()
    expect(await page.getByRole('link').getAttribute('href')).toBe(CONTINUE)
    expect(conversations()).toMatchObject([{ extConsumerId: 'documented' }])
  })
})
