import type { Locator, Page } from 'playwright-core'

export const RECEIVED = 'Thank you. We have received your message.'
/** The client's text for a request that failed. */
export const FAILED = 'Your message could not be sent. Please try again.'

/** Returns the live region of the page's form. */
export const status = (page: Page): Locator => page.getByRole('status').first()

export const send = (page: Page): Locator => page.getByRole('button', { name: 'Send' }).first()

/** Waits until the form says a text. */
export const says = (page: Page, text: string): Promise<void> =>
  status(page).getByText(text).waitFor({ state: 'visible', timeout: 15_000 })

/** Fills in the form with a message of its own. Returns the message. */
export const fill = async (page: Page, message = `Grüße ${Math.random()}`): Promise<string> => {
  await page.getByLabel('Name').first().fill('Zoë')
  await page.getByLabel('Message').first().fill(message)
  return message
}

/** An event of a form: the end of its name, and its detail. */
export type Told = readonly [string, Readonly<Record<string, unknown>>]

/** Records the events of the page's forms. Returns a function that reads them. */
export const recordEvents = async (page: Page): Promise<() => Promise<readonly Told[]>> => {
  await page.evaluate(`
    window.told = []
    for (const name of ['sending', 'retrying', 'queued', 'opened', 'existing', 'invalid', 'failed'])
      document.addEventListener('conversation:' + name, ({ detail }) => told.push([name, detail]))`)
  return () => page.evaluate<readonly Told[]>('told')
}

export const namesOf = (events: readonly Told[]): readonly string[] => events.map(([name]) => name)

/** Returns a list that gets the id of each of the page's posts. */
export const recordIds = (page: Page): readonly (string | null)[] => {
  const ids: (string | null)[] = []
  page.on('request', (request) => {
    if (request.method() === 'POST') ids.push(new URLSearchParams(request.postData() ?? '').get('requestId'))
  })
  return ids
}
