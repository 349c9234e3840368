import { createServer, type OutgoingHttpHeaders } from 'node:http'
import type { Locator, Page, Response } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { closeServer, listen } from '../../local/net/listen.ts'
import type { HttpApi } from '../../local/stack/http-api.ts'
import { startApi } from '../support/api.ts'
import { STAGE, startWorld, type World } from '../support/world.ts'
import { startChromium } from './chromium.ts'

const LISTED = 'http://localhost:5173'
const UNLISTED = 'http://localhost:5174'

let world: World
/** Lists one site. */
let api: HttpApi
/** Lists `null` and another header, too. */
let openApi: HttpApi
let chromium: Awaited<ReturnType<typeof startChromium>>
let page: Page
let serial = 0

/** The page at any path of both sites. */
let served: { readonly html: string; readonly headers?: OutgoingHttpHeaders }
const pages = createServer((_, response) => {
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', ...served.headers }).end(served.html)
})

beforeAll(async () => {
  world = await startWorld()
  api = await startApi(world, { ...STAGE, origins: [LISTED] })
  openApi = await startApi(world, {
    ...STAGE,
    origins: [LISTED, 'null'],
    allowedHeaders: ['x-datadog-trace-id'],
  })
  const address = `127.0.0.1:${await listen(pages)}`
  chromium = await startChromium({ hosts: { 'localhost:5173': address, 'localhost:5174': address } })
})
afterAll(async () => {
  await chromium?.close()
  await Promise.all([closeServer(pages), api?.close(), openApi?.close()])
  await world?.close()
})
beforeEach(async () => {
  served = { html: '<!doctype html><title>Contact</title>' }
  page = await chromium.browser.newPage()
})
afterEach(async () => {
  await page.close()
  world.livePerson.reset()
  await world.receiveHandOvers()
})

const newId = () => `browser-${process.pid}-${++serial}`
const messages = () => world.livePerson.conversations().map(({ messages: [first] }) => first?.text)

/**
 * Opens a page of a site and calls `fetch` there. Returns what the page can read. `undefined` if the browser
 * kept the response from it.
 *
 * @param init The second argument of `fetch`, as JavaScript.
 */
const fetchFrom = async (origin: string, init: string, { url } = api) => {
  await page.goto(origin)
  return page.evaluate<{ status: number; body: Record<string, unknown>; location?: string } | undefined>(
    `fetch('${url}/conversations', { method: 'POST', ...${init} }).then(async (response) => ({
      status: response.status,
      body: await response.json(),
      location: response.headers.get('location') ?? undefined,
    }), () => undefined)`,
  )
}

const json = (headers: Readonly<Record<string, string>> = {}, others = '') => `{
  headers: ${JSON.stringify({ 'content-type': 'application/json', ...headers })},
  body: JSON.stringify({ requestId: '${newId()}', route: 'order-help', message: 'Grüße' }),
  ${others}
}`
const urlencoded = () =>
  `{ body: new URLSearchParams({ requestId: '${newId()}', route: 'order-help', message: 'Grüße' }) }`

const OPENED = { status: 201, body: { status: 'opened' } }

/** A plain form. */
const form = ({ url } = api, fields = '', attributes = '') => `<!doctype html>
  <form method="post" action="${url}/conversations" ${attributes}>
    <input type="hidden" name="requestId" value="${newId()}" />
    <input type="hidden" name="route" value="order-help" />
    <textarea name="message">Grüße</textarea>
    ${fields}
    <button>Send</button>
  </form>`

/** Presses the button of the form. Returns the response, and the heading of the page that the browser shows. */
const press = async () => {
  const response = await pressed(page.locator('button').first())
  const { location } = await response.allHeaders()
  await page.waitForURL('**/conversations/*')
  const title = await page.getByRole('heading').textContent()
  return { status: response.status(), location, title, origin: await originOf(response) }
}

/** What a browser shows after a form that opened a conversation, and after one that didn't. */
const THANKS = { status: 303, title: 'Thank you' }
const problem = (code: string, ...fields: readonly string[]) => ({
  status: 303,
  location: ['conversations/problem?code=', code, ...fields.map((field) => `&field=${field}`)].join(''),
})

const pressed = async (button: Locator): Promise<Response> => {
  const [response] = await Promise.all([
    page.waitForResponse((one) => one.url().endsWith('/conversations')),
    button.click(),
  ])
  return response
}

const originOf = (response: Response) => response.request().headerValue('origin')

describe('fetch from a page of a listed site', () => {
  test.each([
    ['JSON', () => json()],
    ['JSON with an Idempotency-Key', () => json({ 'idempotency-key': newId() })],
    [
      'the headers of monitoring scripts',
      () =>
        json({
          traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
          tracestate: 'vendor=1',
          baggage: 'release=1',
          'sentry-trace': '0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1',
          'x-requested-with': 'XMLHttpRequest',
        }),
    ],
    ['credentials', () => json({}, "credentials: 'include'")],
    ['a form', urlencoded],
  ])('sends %s, and reads the response', async (_, init) => {
    expect(await fetchFrom(LISTED, init())).toMatchObject(OPENED)
    expect(messages()).toEqual(['Grüße'])
  })

  test('reads the Location, and the status there', async () => {
    world.livePerson.faults.add({ service: 'conversation', kind: 'status', status: 503, times: 50 })
    const answer = await fetchFrom(LISTED, json())
    expect(answer).toMatchObject({ status: 202, body: { status: 'queued' } })
    const status = new URL(answer?.location ?? '', `${api.url}/conversations`).href
    expect(await page.evaluate(`fetch('${status}').then((response) => response.json())`)).toMatchObject(
      answer?.body ?? {},
    )
  })

  test('reads why a body of another type is refused', async () => {
    expect(await fetchFrom(LISTED, '{ body: "text" }')).toMatchObject({ status: 415 })
    expect(await fetchFrom(LISTED, '{ body: new FormData() }')).toMatchObject({ status: 415 })
  })

  test('sends another header only if the stage allows it', async () => {
    const init = json({ 'x-datadog-trace-id': '1' })
    expect(await fetchFrom(LISTED, init)).toBeUndefined()
    expect(messages()).toEqual([])
    expect(await fetchFrom(LISTED, init, openApi)).toMatchObject(OPENED)
  })
})

describe('fetch from a page that isn’t listed', () => {
  test.each([
    ['JSON', json],
    ['a form, which needs no preflight', urlencoded],
  ])('opens nothing and reads nothing: %s', async (_, init) => {
    expect(await fetchFrom(UNLISTED, init())).toBeUndefined()
    expect(world.livePerson.requests()).toEqual([])
  })
})

describe('a plain form', () => {
  test('of a listed site opens a conversation', async () => {
    served = { html: form() }
    await page.goto(LISTED)
    expect(await press()).toMatchObject({ ...THANKS, origin: LISTED })
    expect(messages()).toEqual(['Grüße'])
  })

  test('of another site is refused', async () => {
    served = { html: form() }
    await page.goto(UNLISTED)
    expect(await press()).toMatchObject({ ...problem('origin_not_allowed'), origin: UNLISTED })
    expect(world.livePerson.requests()).toEqual([])
  })

  test.each(['origin', 'origin-when-cross-origin', 'strict-origin-when-cross-origin', 'unsafe-url'])(
    'of a page with the Referrer-Policy %s is accepted',
    async (policy) => {
      served = { html: form(), headers: { 'referrer-policy': policy } }
      await page.goto(LISTED)
      expect(await press()).toMatchObject({ ...THANKS, origin: LISTED })
    },
  )

  test.each(['no-referrer', 'same-origin'])(
    'of a page with the Referrer-Policy %s is refused with the reason, or accepted if null is listed',
    async (policy) => {
      const headers = { 'referrer-policy': policy }
      served = { html: form(), headers }
      await page.goto(LISTED)
      expect(await press()).toMatchObject({ ...problem('origin_not_allowed'), origin: 'null' })
      expect(await page.getByRole('main').textContent()).toContain('Referrer-Policy')
      served = { html: form(openApi), headers }
      await page.goto(LISTED)
      expect(await press()).toMatchObject({ ...THANKS, origin: 'null' })
    },
  )

  test('of a page that says so in a meta element is refused with the reason', async () => {
    served = { html: form().replace('<form', '<meta name="referrer" content="no-referrer" /><form') }
    await page.goto(LISTED)
    expect(await press()).toMatchObject(problem('origin_not_allowed'))
    expect(await page.getByRole('main').textContent()).toContain('Referrer-Policy: no-referrer')
  })

  test.each(['no-referrer', 'same-origin'])(
    'is no matter for fetch, which sends the origin in any case: %s',
    async (policy) => {
      served = { html: '', headers: { 'referrer-policy': policy } }
      expect(await fetchFrom(LISTED, json())).toMatchObject(OPENED)
    },
  )

  test('in a sandboxed frame of any site is let in by null, but not its scripts', async () => {
    const framed = (content: string) =>
      `<iframe sandbox="allow-forms allow-scripts" srcdoc="${content.replaceAll('"', '&quot;')}"></iframe>`
    // The response isn't shown in a frame.
    for (const [to, location] of [
      [api, problem('origin_not_allowed').location] as const,
      [openApi, expect.stringMatching(/^conversations\/browser-/)] as const,
    ]) {
      served = { html: framed(form(to)) }
      await page.goto(UNLISTED)
      const response = await pressed(page.frameLocator('iframe').locator('button'))
      expect([(await response.allHeaders()).location, await originOf(response)]).toEqual([location, 'null'])
    }
    expect(messages()).toHaveLength(1)

    served = { html: framed('<p>A page</p>') }
    await page.goto(UNLISTED)
    const scripted = `fetch('${openApi.url}/conversations', { method: 'POST', ...${json()} }).then(
      () => 'sent', () => 'kept back')`
    expect(await page.frames()[1]?.evaluate(scripted)).toBe('kept back')
    expect(messages()).toHaveLength(1)
  })

  test('that was sent by its script before is the same request', async () => {
    served = { html: form() }
    await page.goto(LISTED)
    await page.fill('textarea', 'Hello,\nmy order is late.\n')
    const sent = await page.evaluate(
      `fetch('${api.url}/conversations', {
        method: 'POST', body: new URLSearchParams(new FormData(document.querySelector('form'))),
      }).then((response) => response.status)`,
    )
    expect(sent).toBe(201)
    expect(await press()).toMatchObject(THANKS)
    expect(messages()).toHaveLength(1)
  })

  test.each([
    [
      'the text’s direction',
      '<input name="consumer.firstName" dirname="direction" value="Zoë" />',
      'direction',
    ],
    ['the charset', '<input type="hidden" name="_charset_" />', '_charset_'],
    ['the pressed button', '<button name="action" value="send">Send now</button>', 'action'],
  ])(
    'with a field that the browser fills in is refused, and its name is told: %s',
    async (_, field, path) => {
      served = { html: form(api, field) }
      await page.goto(LISTED)
      expect(await press()).toMatchObject(problem('invalid_request', path))
    },
  )

  test('of a page in another charset is refused', async () => {
    served = { html: form(api, '', 'accept-charset="windows-1252"') }
    await page.goto(LISTED)
    expect(await press()).toMatchObject(problem('invalid_request'))
  })

  test('of a page that sends files is refused', async () => {
    served = { html: form(api, '', 'enctype="multipart/form-data"') }
    await page.goto(LISTED)
    expect(await press()).toMatchObject(problem('unsupported_media_type'))
  })
})

describe('a beacon', () => {
  /** Sends a beacon from a page, and returns the status of its request, or of the preflight that failed. */
  const beacon = async (origin: string, data: string) => {
    await page.goto(origin)
    const [response] = await Promise.all([
      page.waitForResponse((one) => one.url().endsWith('/conversations')),
      page.evaluate(`navigator.sendBeacon('${api.url}/conversations', ${data})`),
    ])
    return response.status()
  }
  const members = () => `{ requestId: '${newId()}', route: 'order-help', message: 'Bye' }`

  test.each([
    ['a form', () => `new URLSearchParams(${members()})`],
    ['JSON', () => `new Blob([JSON.stringify(${members()})], { type: 'application/json' })`],
  ])('of a listed site opens a conversation with %s', async (_, data) => {
    expect(await beacon(LISTED, data())).toBe(201)
    expect(messages()).toEqual(['Bye'])
  })

  test('with a string is sent as text, and refused', async () => {
    expect(await beacon(LISTED, `JSON.stringify(${members()})`)).toBe(415)
    expect(messages()).toEqual([])
  })

  test('of a page whose plain forms have no origin has one in Chromium', async () => {
    served = { html: '', headers: { 'referrer-policy': 'no-referrer' } }
    expect(await beacon(LISTED, `new URLSearchParams(${members()})`)).toBe(201)
  })

  test('of another site is refused', async () => {
    expect(await beacon(UNLISTED, `new URLSearchParams(${members()})`)).toBe(403)
    expect(messages()).toEqual([])
  })
})
