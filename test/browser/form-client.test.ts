import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { ORDER_HELP, ORDERS_SKILL } from '../support/world.ts'
import { fill, namesOf, RECEIVED, recordEvents, recordIds, says, send } from './form-page.ts'
import { pageWith, SITE, type Site, startSite } from './site.ts'

let site: Site

beforeAll(async () => {
  site = await startSite()
})
afterAll(() => site?.close())
afterEach(() => site.reset())

const conversations = () => site.world.livePerson.conversations()
const messages = () => conversations().map(({ messages: [first] }) => first?.text)

/** Delivers what is handed over, until there is a conversation with its message. */
const deliverAll = () =>
  expect
    .poll(
      async () => {
        await site.deliverHandOvers()
        return messages().filter(Boolean).length
      },
      { timeout: 30_000 },
    )
    .toBeGreaterThan(0)

/** Sends the form as the browser has restored it, once a double click can be over. */
const sendAgain = async (page: Page, message: string) => {
  expect(await page.getByLabel('Message').inputValue()).toBe(message)
  await page.waitForTimeout(1200)
  await Promise.all([page.waitForResponse('**/conversations'), send(page).click()])
}

/** The response about a request that has ended. */
const statusOf = (status: string) => ({
  headers: { 'access-control-allow-origin': SITE },
  json: { requestId: 'example', status, code: 'liveperson_rejected' },
})

describe('a filled form', () => {
  test('becomes a conversation under its campaign’s skill, with its message', async () => {
    site.serve({ '/': pageWith(site.api.anonymous) })
    const page = await site.visit()
    const read = await recordEvents(page)
    const message = await fill(page)
    await send(page).click()
    await says(page, RECEIVED)
    expect(conversations()).toMatchObject([
      { ...ORDER_HELP, skillId: Number(ORDERS_SKILL), messages: [{ text: message }] },
    ])
    const events = await read()
    expect(namesOf(events)).toEqual(['sending', 'opened'])
    const [, [, opened] = []] = events
    expect(opened).toMatchObject({ status: 'opened', conversationId: conversations()[0]?.conversationId })
    expect(await page.getAttribute('form', 'data-conversation')).toBe('opened')
  })

  test('is sent so that it outlives its page, unless it is too large for that', async () => {
    site.serve({ '/': pageWith(site.api.anonymous) })
    const page = await site.visit()
    await page.evaluate(`{
      const { fetch } = window
      window.kept = []
      window.fetch = (address, init) => (kept.push(init.keepalive), fetch(address, init))
    }`)
    const long = '語'.repeat(4000)
    for (const message of ['short', `${long}${'字'.repeat(498)}`]) {
      await fill(page, message)
      await page.getByLabel('Name').fill(message === 'short' ? 'Zoë' : '語'.repeat(256))
      await page.evaluate(`{
        const description = Object.assign(document.createElement('textarea'), { name: 'consumer.description' })
        description.value = '${message === 'short' ? '' : long}'
        document.forms[0].append(description)
      }`)
      await send(page).click()
      await expect.poll(() => messages().at(-1)).toBe(message)
      await page.waitForTimeout(1200)
    }
    expect(await page.evaluate('kept')).toEqual([true, false])
  })

  test('is sent without a preflight', async () => {
    site.serve({ '/': pageWith(site.api.anonymous) })
    const page = await site.visit()
    const methods: string[] = []
    page.on('request', (request) => methods.push(request.method()))
    await fill(page)
    await send(page).click()
    await says(page, RECEIVED)
    expect(methods).toEqual(['POST'])
  })
})

describe('exactly one conversation', () => {
  test('after a double click', async () => {
    site.serve({ '/': pageWith(site.api.anonymous) })
    const page = await site.visit()
    const ids = recordIds(page)
    await fill(page)
    await send(page).dblclick()
    await says(page, RECEIVED)
    expect(conversations()).toHaveLength(1)
    expect(ids).toHaveLength(1)
  })

  test('after a second click that comes when the first is answered', async () => {
    site.serve({ '/': pageWith(site.api.anonymous) })
    const page = await site.visit()
    const ids = recordIds(page)
    await fill(page)
    await send(page).click()
    await says(page, RECEIVED)
    await send(page).click()
    await page.waitForTimeout(1200)
    expect(ids).toHaveLength(1)
    await send(page).click()
    await expect.poll(() => ids.length).toBe(2)
    await says(page, RECEIVED)
    expect(new Set(ids).size).toBe(1)
    expect(conversations()).toHaveLength(1)
  })

  test('after a reload in the middle', async () => {
    site.serve({ '/': pageWith(site.api.anonymous) })
    const page = await site.visit()
    site.world.livePerson.faults.add({ service: 'conversation', kind: 'latency', ms: 600, times: 1 })
    const message = await fill(page)
    await Promise.all([page.waitForRequest('**/conversations'), send(page).click()])
    await page.reload()
    await says(page, RECEIVED)
    await expect.poll(messages).toEqual([message])
  })

  test('after a reload in the middle, if the visitor writes the same again at once', async () => {
    site.serve({ '/': pageWith(site.api.anonymous) })
    const page = await site.visit()
    const ids = recordIds(page)
    site.world.livePerson.faults.add({ service: 'conversation', kind: 'latency', ms: 1000, times: 1 })
    const message = await fill(page)
    await Promise.all([page.waitForRequest('**/conversations'), send(page).click()])
    await page.reload()
    await fill(page, message)
    await send(page).click()
    await says(page, RECEIVED)
    await deliverAll()
    expect(messages()).toEqual([message])
    expect(new Set(ids).size).toBe(1)
  })

  test('after a reload that the request didn’t survive', async () => {
    site.serve({ '/': pageWith(site.api.anonymous) })
    const page = await site.visit()
    const ids = recordIds(page)
    await page.route('**/conversations', (route) => route.abort())
    const message = await fill(page)
    await send(page).click()
    await says(page, 'Still sending…')
    await page.unroute('**/conversations')
    await page.reload()
    await fill(page, message)
    await send(page).click()
    await says(page, RECEIVED)
    expect(messages()).toEqual([message])
    expect(new Set(ids).size).toBe(1)
  })

  test.each([
    ['as it was left', ''],
    [
      'loaded again',
      '<iframe src="about:blank"></iframe><script>addEventListener("unload", () => {})</script>',
    ],
  ])('after the back button, to a page that is %s', async (_, fields) => {
    site.serve({
      '/': pageWith(site.api.anonymous, { fields }),
      '/thanks': '<!doctype html><title>Thanks</title>',
    })
    const page = await site.visit()
    await page.evaluate(
      `document.querySelector('form').addEventListener('conversation:opened', () => location.assign('/thanks'))`,
    )
    const message = await fill(page)
    await send(page).click()
    await page.waitForURL('**/thanks')
    await page.goBack()
    await sendAgain(page, message)
    expect(messages()).toEqual([message])
  })

  test('per tab of an anonymous visitor', async () => {
    site.serve({ '/': pageWith(site.api.anonymous) })
    const first = await site.visit()
    const second = await first.context().newPage()
    await second.goto(SITE)
    await Promise.all([fill(first, 'Hello'), fill(second, 'Hello')])
    await Promise.all([send(first).click(), send(second).click()])
    await Promise.all([says(first, RECEIVED), says(second, RECEIVED)])
    expect(messages()).toEqual(['Hello', 'Hello'])
  })

  test('in all tabs of a signed-in consumer', async () => {
    const token = await site.brand.sign({ sub: 'tabs' })
    site.serve({ '/': pageWith(site.api.signedIn, { options: `{ token: () => '${token}' }` }) })
    const first = await site.visit()
    const second = await first.context().newPage()
    await second.goto(SITE)
    await fill(first, 'one')
    await fill(second, 'two')
    await send(first).click()
    await says(first, RECEIVED)
    await send(second).click()
    await says(second, 'Thank you. Your message is in your open conversation.')
    expect(conversations()).toMatchObject([{ messages: [{ text: 'one' }, { text: 'two' }] }])
  })

  test('after the browser was offline', async () => {
    site.serve({ '/': pageWith(site.api.anonymous) })
    const page = await site.visit()
    await fill(page)
    await page.context().setOffline(true)
    await send(page).click()
    await says(page, 'You are offline. Your message is waiting.')
    expect(conversations()).toEqual([])
    await page.context().setOffline(false)
    await says(page, RECEIVED)
    expect(conversations()).toHaveLength(1)
  })

  test('if LivePerson is slow: queued, then opened', async () => {
    site.serve({ '/': pageWith(site.api.anonymous) })
    const page = await site.visit()
    const read = await recordEvents(page)
    site.world.livePerson.faults.add({ service: 'conversation', kind: 'status', status: 503, times: 50 })
    await fill(page)
    await send(page).click()
    await expect.poll(async () => namesOf(await read())).toEqual(['sending', 'queued'])
    await says(page, RECEIVED)
    site.world.livePerson.faults.clear()
    await expect.poll(() => site.deliverHandOvers(), { timeout: 10_000 }).toBe(1)
    await expect
      .poll(async () => namesOf(await read()), { timeout: 30_000 })
      .toEqual(['sending', 'queued', 'opened'])
    expect(conversations()).toHaveLength(1)
  })

  test('if a queued request is followed after a reload, and sent again', async () => {
    site.serve({ '/': pageWith(site.api.anonymous) })
    const page = await site.visit()
    site.world.livePerson.faults.add({ service: 'conversation', kind: 'status', status: 503, times: 50 })
    const message = await fill(page)
    await send(page).click()
    await says(page, RECEIVED)
    await page.reload()
    const read = await recordEvents(page)
    await says(page, RECEIVED)
    await fill(page, message)
    await send(page).click()
    site.world.livePerson.faults.clear()
    await deliverAll()
    await expect.poll(async () => namesOf(await read()).at(-1), { timeout: 30_000 }).toBe('opened')
    expect(messages()).toEqual([message])
  })

  test('if the answer is lost', async () => {
    site.serve({ '/': pageWith(site.api.anonymous) })
    const page = await site.visit()
    const ids = recordIds(page)
    await page.route(
      '**/conversations',
      async (route) => {
        await route.fetch()
        await route.abort()
      },
      { times: 1 },
    )
    await fill(page)
    await send(page).click()
    await says(page, RECEIVED)
    expect(ids).toHaveLength(2)
    expect(new Set(ids).size).toBe(1)
    expect(conversations()).toHaveLength(1)
  })

  test.each([
    [
      '503 with Retry-After',
      { status: 503, headers: { 'retry-after': '2' }, json: { code: 'x', retryable: true } },
    ],
    ['a 429 of API Gateway', { status: 429, json: { message: 'Too Many Requests' } }],
    ['a 502 without JSON', { status: 502, body: '<html>' }],
  ])('after %s', async (_, answer) => {
    site.serve({ '/': pageWith(site.api.anonymous) })
    const page = await site.visit()
    const ids = recordIds(page)
    const headers = { 'access-control-allow-origin': SITE, 'access-control-expose-headers': 'retry-after' }
    await page.route(
      '**/conversations',
      (route) =>
        route.fulfill({ ...answer, headers: { ...headers, ...('headers' in answer && answer.headers) } }),
      { times: 1 },
    )
    await fill(page)
    const started = Date.now()
    await send(page).click()
    await says(page, RECEIVED)
    expect(Date.now() - started).toBeGreaterThan('headers' in answer ? 2000 : 950)
    expect(new Set(ids).size).toBe(1)
    expect(conversations()).toHaveLength(1)
  })

  test('if an answer takes too long: it is given up, and the form sent again', async () => {
    site.serve({ '/': pageWith(site.api.anonymous) })
    const page = await site.visit()
    const ids = recordIds(page)
    // Waits for 2.5 seconds instead of 20.
    await page.evaluate(
      '{ const { timeout } = AbortSignal; AbortSignal.timeout = (ms) => timeout.call(AbortSignal, ms / 8) }',
    )
    await page.route('**/conversations', () => {}, { times: 1 })
    await fill(page)
    await send(page).click()
    await says(page, RECEIVED)
    expect(ids.length).toBeGreaterThan(1)
    expect(new Set(ids).size).toBe(1)
    expect(conversations()).toHaveLength(1)
  })

  test('if no queue holds the request any more: the form is sent again', async () => {
    site.serve({ '/': pageWith(site.api.anonymous) })
    const page = await site.visit()
    const ids = recordIds(page)
    const read = await recordEvents(page)
    site.world.livePerson.faults.add({ service: 'conversation', kind: 'status', status: 503, times: 50 })
    await page.route('**/conversations/*', (route) => route.fulfill(statusOf('failed')), { times: 1 })
    await fill(page)
    await send(page).click()
    await says(page, RECEIVED)
    site.world.livePerson.faults.clear()
    await deliverAll()
    await expect.poll(async () => namesOf(await read()).at(-1), { timeout: 30_000 }).toBe('opened')
    expect(namesOf(await read()).slice(0, 3)).toEqual(['sending', 'queued', 'retrying'])
    expect(ids).toEqual([ids[0], ids[0]])
    expect(conversations()).toHaveLength(1)
  })

  test('after a field was corrected', async () => {
    site.serve({ '/': pageWith(site.api.anonymous) })
    const page = await site.visit()
    const ids = recordIds(page)
    await fill(page)
    const email = page.getByLabel('Email')
    await email.fill(`${'x'.repeat(320)}@example.org`)
    await send(page).click()
    await says(page, 'Please correct the marked fields.')
    expect(conversations()).toEqual([])
    expect(await email.getAttribute('aria-invalid')).toBe('true')
    const note = page.locator(`#${await email.getAttribute('aria-describedby')}`)
    expect(await note.textContent()).toMatch(/320/)
    expect(await email.evaluate('this === document.activeElement || document.activeElement.name')).toBe(
      'consumer.email',
    )

    await email.fill('zoe@example.org')
    expect(await email.getAttribute('aria-invalid')).toBeNull()
    expect(await note.textContent()).toBe('')
    await send(page).click()
    await says(page, RECEIVED)
    expect(new Set(ids).size).toBe(2)
    expect(conversations()).toHaveLength(1)
  })

  test('if the content changes after an error of the service', async () => {
    site.serve({ '/': pageWith(site.api.anonymous) })
    const page = await site.visit()
    const ids = recordIds(page)
    await page.route(
      '**/conversations',
      (route) =>
        route.fulfill({
          status: 500,
          headers: { 'access-control-allow-origin': SITE },
          json: { code: 'invalid_config', retryable: false },
        }),
      { times: 1 },
    )
    await fill(page, 'first')
    await send(page).click()
    await says(page, 'Your message could not be sent. Please try again.')
    await fill(page, 'second')
    await send(page).click()
    await says(page, RECEIVED)
    expect(new Set(ids).size).toBe(2)
    expect(messages()).toEqual(['second'])
  })

  test('without storage', async () => {
    site.serve({ '/': pageWith(site.api.anonymous) })
    const page = await site.visit()
    await page.addInitScript(
      `Object.defineProperty(window, 'sessionStorage', { get() { throw new DOMException('', 'SecurityError') } })`,
    )
    await page.reload()
    const ids = recordIds(page)
    await fill(page)
    await page.route('**/conversations', (route) => route.abort(), { times: 1 })
    await send(page).click()
    await says(page, RECEIVED)
    expect(new Set(ids).size).toBe(1)
    expect(conversations()).toHaveLength(1)
  })
})

test('a queued request that LivePerson refuses ends in a message', async () => {
  site.serve({ '/': pageWith(site.api.anonymous) })
  const page = await site.visit()
  const read = await recordEvents(page)
  site.world.livePerson.faults.add({ service: 'conversation', kind: 'status', status: 503, times: 50 })
  await page.route('**/conversations/*', (route) => route.fulfill(statusOf('rejected')))
  await fill(page)
  await send(page).click()
  await says(page, RECEIVED)
  await says(page, 'Your message could not be sent. Please try again.')
  expect((await read()).at(-1)).toMatchObject(['failed', { code: 'liveperson_rejected' }])
  expect(conversations()).toEqual([])
})

test('who writes the same again after a conversation was opened gets another one', async () => {
  site.serve({ '/': pageWith(site.api.anonymous) })
  const page = await site.visit()
  for (const count of [1, 2]) {
    await fill(page, 'Hello')
    await send(page).click()
    await expect.poll(() => conversations().length).toBe(count)
    await says(page, RECEIVED)
  }
})
