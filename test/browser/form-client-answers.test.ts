import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { FAILED, fill, RECEIVED, recordIds, says, send, status } from './form-page.ts'
import { pageWith, type Site, startSite } from './site.ts'

let site: Site

beforeAll(async () => {
  site = await startSite()
})
afterAll(() => site?.close())
afterEach(() => site.reset())

/** Opens a page whose first posts are answered with these bodies. Later ones reach the service. */
const visit = async (
  answers: readonly { status: number; body: string }[],
  page: Parameters<typeof pageWith>[1] = {},
) => {
  site.serve({ '/': pageWith(site.api.anonymous, page) })
  const visited = await site.visit()
  const left = [...answers]
  await visited.route('**/conversations', (route) => {
    const answer = left.shift()
    if (answer === undefined) return route.continue()
    return route.fulfill({ ...answer, headers: { 'access-control-allow-origin': '*' } })
  })
  return visited
}

describe('an answer that isn’t the service’s', () => {
  test.each([
    ['that is cut off', { status: 201, body: '{"requestId":"1","sta' }],
    ['of a page in between', { status: 200, body: '<h1>Please wait</h1>' }],
    ['without a content', { status: 503, body: 'null' }],
  ])('%s doesn’t tell what became of the request, so it is sent again', async (_, answer) => {
    const page = await visit([answer])
    const ids = recordIds(page)
    await fill(page)
    await send(page).click()
    await says(page, RECEIVED)
    expect(ids).toEqual([ids[0], ids[0]])
    expect(site.world.livePerson.conversations()).toHaveLength(1)
  })

  test('with errors in another form ends in a message, and the form can be sent again', async () => {
    const page = await visit([{ status: 400, body: '{"errors":{"message":["too short"]}}' }])
    await fill(page)
    await send(page).click()
    await says(page, FAILED)
    await send(page).click()
    await says(page, RECEIVED)
  })
})

test('an empty text shows nothing, also instead of another one or a link', async () => {
  const attributes = 'data-text-bot_check_failed="" data-text-opened="" data-text-continue=""'
  const opened = { status: 'opened', continue: 'https://www.example.com/messages' }
  const page = await visit(
    [
      { status: 403, body: '{"status":403,"code":"bot_check_failed"}' },
      { status: 201, body: JSON.stringify(opened) },
    ],
    { attributes },
  )
  await fill(page)
  for (const state of ['failed', 'opened']) {
    await send(page).click()
    await page.locator(`form[data-conversation=${state}]`).waitFor()
    expect(await status(page).innerHTML()).toBe('')
  }
})

test('a page that resets the form after its conversation was opened gets no second one from a late click', async () => {
  const page = await visit([])
  await page.evaluate(`document.addEventListener('conversation:opened', ({ target }) => target.reset())`)
  const ids = recordIds(page)
  await fill(page)
  await send(page).click()
  await says(page, RECEIVED)
  await send(page).click()
  await page.waitForTimeout(300)
  expect(ids).toHaveLength(1)
  await fill(page, 'Another one')
  await send(page).click()
  await expect.poll(() => site.world.livePerson.conversations().length).toBe(2)
})

test('a button that closes the form’s dialog doesn’t send it', async () => {
  const page = await visit([], { fields: '<button formmethod="dialog">Cancel</button>' })
  const ids = recordIds(page)
  await fill(page)
  await page.getByRole('button', { name: 'Cancel' }).click()
  await page.waitForTimeout(200)
  expect(ids).toEqual([])
})

test.each([
  ['with its own address', 'formaction="/elsewhere"'],
  ['with the method GET', 'formmethod="get" formnovalidate'],
])('a button %s is left to the browser', async (_, attributes) => {
  const page = await visit([], { fields: `<button ${attributes}>Other</button>` })
  const ids = recordIds(page)
  await fill(page)
  await Promise.all([
    page.waitForRequest((request) => request.isNavigationRequest()),
    page.getByRole('button', { name: 'Other' }).click(),
  ])
  expect(await page.locator('form[data-conversation]').count()).toBe(0)
  expect(site.world.livePerson.conversations()).toEqual([])
  expect(new Set(ids).has(null)).toBe(attributes.startsWith('formaction'))
})

test('a button that repeats the method POST sends the form as any other', async () => {
  const page = await visit([], { fields: '<button formmethod="POST">Other</button>' })
  await fill(page)
  await page.getByRole('button', { name: 'Other' }).click()
  await says(page, RECEIVED)
})
