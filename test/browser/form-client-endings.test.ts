import type { Page, Request } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { FAILED, fill, namesOf, RECEIVED, recordEvents, recordIds, says, send, status } from './form-page.ts'
import { CONTINUE, pageWith, type Site, startSite } from './site.ts'

let site: Site

beforeAll(async () => {
  site = await startSite()
})
afterAll(() => site?.close())
afterEach(() => site.reset())

const UNSENT = 'Your message may not have been sent. Please try again.'

interface Fake {
  readonly status: number
  readonly json: object
  readonly headers?: Readonly<Record<string, string>>
}

const QUEUED: Fake = { status: 202, json: { requestId: '1', status: 'queued' } }
const OPENED: Fake = { status: 201, json: { requestId: '1', status: 'opened' } }
const UNKNOWN: Fake = { status: 404, json: { status: 404, code: 'not_found', retryable: false } }
const BUSY: Fake = { status: 503, json: { status: 503, code: 'service_unavailable', retryable: true } }

/** Answers the page's calls in place of the service. Returns their methods. `n` counts from 1. */
const answer = async (page: Page, toAnswer: (method: string, n: number) => Fake | undefined) => {
  const methods: string[] = []
  await page.route(/\/conversations(\/|$)/, (route, request: Request) => {
    const fake = toAnswer(request.method(), methods.push(request.method()))
    const headers = { 'access-control-allow-origin': '*', 'access-control-expose-headers': 'retry-after' }
    return fake ? route.fulfill({ ...fake, headers: { ...headers, ...fake.headers } }) : route.abort()
  })
  return methods
}

/** Lets time pass for the page's pauses until it says a text. */
const saysLater = async (page: Page, text: string) => {
  await expect
    .poll(
      async () => {
        await page.clock.fastForward(10_000)
        return status(page).textContent()
      },
      { timeout: 10_000, interval: 50 },
    )
    .toContain(text)
}

const visit = async (options: Parameters<typeof pageWith>[1] = {}) => {
  site.serve({ '/': pageWith(site.api.anonymous, options) })
  return site.visit()
}

describe('a message that did not reach the open conversation', () => {
  const NOT_SENT = 'Your message is not in your open conversation. Please try again.'

  test.each(['opened', 'existing'])('is not called received: %s', async (state) => {
    const page = await visit()
    const json = { requestId: '1', status: state, messageStatus: 'not_sent', continue: CONTINUE }
    await answer(page, () => ({ status: 200, json }))
    const ids = recordIds(page)
    const read = await recordEvents(page)
    await fill(page)
    await send(page).click()
    await says(page, NOT_SENT)
    expect(await page.getByRole('link').getAttribute('href')).toBe(CONTINUE)
    expect((await read()).at(-1)).toMatchObject([state, { messageStatus: 'not_sent' }])
    await page.waitForTimeout(1200)
    await send(page).click()
    await expect.poll(() => ids.length).toBe(2)
    // The same id would get the same answer.
    expect(new Set(ids).size).toBe(2)
  })

  test.each(['pending', 'sent', 'unknown'])('differs from one whose status is %s', async (messageStatus) => {
    const page = await visit()
    await answer(page, () => ({ status: 201, json: { requestId: '1', status: 'opened', messageStatus } }))
    await fill(page)
    await send(page).click()
    await says(page, RECEIVED)
  })
})

describe('a queued request that is sent again after a reload', () => {
  test.each([
    ['404', UNKNOWN],
    ['503', BUSY],
  ])('is posted if the status is answered with %s', async (_, unavailable) => {
    const page = await visit()
    const methods = await answer(page, (method, n) => {
      if (method === 'POST') return n === 1 ? QUEUED : OPENED
      return unavailable
    })
    const ids = recordIds(page)
    const message = await fill(page)
    await send(page).click()
    await says(page, RECEIVED)
    await page.clock.install()
    await page.reload()
    await fill(page, message)
    await send(page).click()
    await page.locator('form[data-conversation=sending]').waitFor()
    await saysLater(page, RECEIVED)
    expect(methods.at(-1)).toBe('POST')
    expect(ids).toEqual([ids[0], ids[0]])
  })

  test('is called received again once its status says so', async () => {
    const page = await visit()
    let reloaded = false
    await answer(page, (method, n) => (method === 'POST' || (reloaded && n > 3) ? QUEUED : BUSY))
    const message = await fill(page)
    await send(page).click()
    await says(page, RECEIVED)
    await page.clock.install()
    await page.reload()
    reloaded = true
    await fill(page, message)
    await send(page).click()
    await page.locator('form[data-conversation=sending]').waitFor()
    await saysLater(page, RECEIVED)
  })
})

describe('a request that a reload interrupted between two attempts', () => {
  const interrupt = async (page: Page) => {
    const message = await fill(page)
    await send(page).click()
    await says(page, 'Still sending…')
    await page.clock.install()
    await page.reload()
    return message
  }

  test.each([
    ['404', UNKNOWN],
    ['no answer', undefined],
  ])('may not have been sent, and is called so: %s', async (_, unavailable) => {
    const page = await visit()
    const methods = await answer(page, (method) => (method === 'POST' ? undefined : unavailable))
    await interrupt(page)
    await page.getByLabel('Message').fill('')
    const read = await recordEvents(page)
    await saysLater(page, UNSENT)
    expect(namesOf(await read())).toEqual(['failed'])
    // Once is enough.
    const count = methods.length
    await page.reload()
    await page.clock.runFor(1000)
    expect(methods).toHaveLength(count)
  })

  test('is sent if the browser has kept its fields', async () => {
    const page = await visit()
    let reloaded = false
    await answer(page, (method) => (method === 'GET' ? UNKNOWN : reloaded ? OPENED : undefined))
    const ids = recordIds(page)
    const message = await interrupt(page)
    reloaded = true
    await fill(page, message)
    await saysLater(page, RECEIVED)
    expect(new Set(ids).size).toBe(1)
  })

  test('isn’t mentioned after a reload if its end was shown', async () => {
    const page = await visit()
    const methods = await answer(page, () => ({
      status: 400,
      json: { status: 400, code: 'invalid_request' },
    }))
    await fill(page)
    await send(page).click()
    await says(page, FAILED)
    await page.reload()
    await page.waitForTimeout(500)
    expect(methods).toEqual(['POST'])
  })
})

test('a request that is queued again is called received', async () => {
  const page = await visit()
  const json = { requestId: '1', status: 'failed' }
  await answer(page, (method, n) => (method === 'POST' || n > 2 ? QUEUED : { status: 200, json }))
  await page.clock.install()
  const read = await recordEvents(page)
  await fill(page)
  await send(page).click()
  await says(page, RECEIVED)
  await expect
    .poll(async () => {
      await page.clock.fastForward(10_000)
      return namesOf(await read())
    })
    .toEqual(['sending', 'queued', 'retrying', 'queued'])
  await says(page, RECEIVED)
})

test('a form that is too large can’t be sent by trying again', async () => {
  const page = await visit()
  const json = { status: 413, code: 'payload_too_large', retryable: false }
  await answer(page, () => ({ status: 413, json }))
  await fill(page)
  await send(page).click()
  await says(page, 'Your message is too long.')
})

test('a pause takes a minute at most', async () => {
  const page = await visit()
  await answer(page, (_, n) => (n === 1 ? { ...BUSY, headers: { 'retry-after': '86400' } } : OPENED))
  await page.clock.install()
  await fill(page)
  await send(page).click()
  await says(page, 'Still sending…')
  await page.clock.fastForward(80_000)
  await says(page, RECEIVED)
})
