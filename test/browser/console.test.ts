import type { Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startWatchedStack } from '../../local/console/watched-stack.ts'
import { takePicture, violationsOf } from './axe.ts'
import { startChromium } from './chromium.ts'

let stack: Awaited<ReturnType<typeof startWatchedStack>>
let chromium: Awaited<ReturnType<typeof startChromium>>
let page: Page
const printed: string[] = []

beforeAll(async () => {
  // The functions inherit it. Tests are silent otherwise.
  process.env.LOG_LEVEL = 'INFO'
  ;[stack, chromium] = await Promise.all([
    startWatchedStack({ print: (line) => printed.push(line) }),
    startChromium({ hosts: {} }),
  ])
  page = await chromium.browser.newPage({ viewport: { width: 1200, height: 900 } })
  await page.goto(stack.consoleUrl)
}, 120_000)
afterAll(async () => {
  await chromium?.close()
  await stack?.close()
}, 60_000)

const form = (): Locator => page.getByRole('region', { name: "A visitor's form" })
const workspace = (): Locator => page.getByRole('region', { name: "An agent's workspace" })
const path = (): Locator => page.getByRole('region', { name: "The request's path" })
const card = (name: string): Locator => workspace().getByRole('article').filter({ hasText: name })

const fill = async (name: string, message: string): Promise<void> => {
  await form().getByLabel('First name').fill(name)
  await form().getByLabel('Message').fill(message)
}

const conversationsOf = (name: string) =>
  stack.livePerson.conversations().filter(({ profile }) => profile.firstName === name)

test('a filled form becomes a conversation under the skill of its campaign, which an agent answers and closes', async () => {
  await fill('Zoë', 'My order is late')
  await form().getByRole('button', { name: 'Send' }).click()
  const arrived = card('Zoë')
  await arrived.waitFor({ timeout: 30_000 })
  expect(await workspace().locator('#skill-Orders').getByRole('article').count()).toBe(1)
  expect(await arrived.textContent()).toContain('Campaign 3120045610, engagement 3120047710')
  await arrived.getByText('My order is late').waitFor()
  await form().getByText('Thank you. We have received your message.').waitFor()

  expect(await arrived.getByLabel('Answer to Zoë').isVisible()).toBe(false)
  await arrived.getByRole('button', { name: 'Join' }).click()
  await arrived.getByLabel('Answer to Zoë').fill('It arrives tomorrow.')
  await arrived.getByRole('button', { name: 'Answer' }).click()
  await arrived.getByText('It arrives tomorrow.').waitFor()
  await arrived.getByRole('button', { name: 'Close' }).click()
  await arrived.getByText('closed').waitFor()
  expect(await arrived.getByRole('button').count()).toBe(0)
  expect(conversationsOf('Zoë')).toMatchObject([
    {
      state: 'CLOSE',
      messages: [{ text: 'My order is late' }, { text: 'It arrives tomorrow.', from: 'agent' }],
    },
  ])
}, 60_000)

test('the path has the calls, the states of the ledger, the log and the outcome of a request', async () => {
  const request = path().getByLabel('Request')
  await expect.poll(() => request.locator('option').count()).toBeGreaterThan(1)
  const requestId = (await request.locator('option').nth(1).getAttribute('value')) ?? ''
  await request.selectOption(requestId)
  const steps = path().getByRole('listitem')
  for (const text of [
    'IDP: ConsumerJWS, answered 201',
    'CONVERSATION, answered 200',
    'SEND, answered 200',
    'Ledger: opened',
    'Conversation Opened',
    'Request finished',
  ])
    await steps.filter({ hasText: text }).first().waitFor({ timeout: 15_000 })
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    await takePicture(page, `console-${colorScheme}`)
  }
  await request.selectOption('')
}, 60_000)

test('a lost answer ends in one conversation, and the page shows the way', async () => {
  const lost = page.getByLabel('LivePerson opens the next conversation, and its answer is lost')
  await lost.check()
  await fill('Ada', 'Is anybody there?')
  await form().getByRole('button', { name: 'Send' }).click()
  await card('Ada').waitFor({ timeout: 30_000 })
  await form().getByText('Thank you. We have received your message.').waitFor({ timeout: 60_000 })
  await expect.poll(() => lost.isChecked()).toBe(false)
  await path().getByText('(fault: reset-after)').first().waitFor()
  expect(conversationsOf('Ada')).toHaveLength(1)
  // LivePerson's webhook has told the id, so the message that was owed is sent.
  await card('Ada').getByText('Is anybody there?').waitFor({ timeout: 60_000 })
}, 90_000)

test('killed containers start again, and the form that they were working on opens one conversation', async () => {
  const slow = page.getByLabel('LivePerson takes 8 seconds to open a conversation')
  await slow.check()
  const creates = () => stack.livePerson.requests({ service: 'conversation' }).length
  const before = creates()
  await fill('Eve', 'Hello')
  await form().getByRole('button', { name: 'Send' }).click()
  await expect.poll(creates, { timeout: 10_000 }).toBeGreaterThan(before)
  await page.getByRole('button', { name: 'Kill the containers' }).click()
  await slow.uncheck()
  await expect.poll(() => conversationsOf('Eve').length, { timeout: 150_000 }).toBe(1)
  await form().getByText('Thank you. We have received your message.').waitFor({ timeout: 60_000 })
  expect(conversationsOf('Eve')).toHaveLength(1)
}, 180_000)

test('axe finds nothing, in light and in dark', async () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    expect(await violationsOf(page)).toEqual([])
  }
}, 60_000)

test('everything works by keyboard alone', async () => {
  const keys = await chromium.browser.newPage()
  await keys.goto(stack.consoleUrl)
  const focused = () =>
    keys.evaluate<string>('document.activeElement.labels?.[0]?.innerText ?? document.activeElement.innerText')
  const tabTo = async (label: string): Promise<void> => {
    for (let presses = 0; presses < 60; presses++) {
      if ((await focused()).startsWith(label)) return
      await keys.keyboard.press('Tab')
    }
    throw new Error(`The key Tab does not lead to ${label}`)
  }
  await tabTo('First name')
  await keys.keyboard.type('Kim')
  await tabTo('Message')
  await keys.keyboard.type('By keyboard')
  await tabTo('Send')
  await keys.keyboard.press('Enter')
  await keys.getByRole('article').filter({ hasText: 'Kim' }).waitFor({ timeout: 30_000 })
  await tabTo('Join')
  await keys.keyboard.press('Space')
  await expect.poll(focused).toMatch(/^Answer to Kim/)
  await keys.keyboard.type('Hello Kim')
  await keys.keyboard.press('Enter')
  await expect
    .poll(() => conversationsOf('Kim')[0]?.messages.map(({ text }) => text))
    .toEqual(['By keyboard', 'Hello Kim'])
  await keys.close()
}, 90_000)

test('a conversation that the simulator has forgotten is no longer shown', async () => {
  expect(await workspace().getByRole('article').count()).toBeGreaterThan(0)
  stack.livePerson.reset()
  await workspace().getByText('No conversation yet.').waitFor()
  expect(await workspace().getByRole('article').count()).toBe(0)
})
