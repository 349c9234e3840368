import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { fill, namesOf, RECEIVED, recordEvents, recordIds, says, send, status } from './form-page.ts'
import { CONTINUE, pageWith, SITE, type Site, startSite } from './site.ts'

let site: Site

beforeAll(async () => {
  site = await startSite()
})
afterAll(() => site?.close())
afterEach(() => site.reset())

const conversations = () => site.world.livePerson.conversations()
const messages = () => conversations().map(({ messages: [first] }) => first?.text)

describe('a signed-in consumer', () => {
  test('opens one conversation, and is shown where to go on', async () => {
    const token = await site.brand.sign({ sub: 'ana' })
    site.serve({ '/': pageWith(site.api.signedIn, { options: `{ token: async () => '${token}' }` }) })
    const page = await site.visit()
    const read = await recordEvents(page)
    await fill(page)
    await send(page).click()
    const link = page.getByRole('link', { name: 'Go to the conversation' })
    expect(await link.getAttribute('href')).toBe(CONTINUE)
    expect((await read()).at(-1)).toMatchObject(['opened', { continue: CONTINUE }])
    expect(conversations()).toMatchObject([{ extConsumerId: 'ana' }])
  })

  test('whose token has expired meanwhile sends a new one', async () => {
    const [expired, valid] = await Promise.all([
      site.brand.sign({ sub: 'bea', exp: Math.floor(Date.now() / 1000) - 60 }),
      site.brand.sign({ sub: 'bea' }),
    ])
    const options = `{ token: (form, isRefused) => (isRefused ? '${valid}' : '${expired}') }`
    site.serve({ '/': pageWith(site.api.signedIn, { options }) })
    const page = await site.visit()
    const ids = recordIds(page)
    await fill(page)
    await send(page).click()
    await says(page, RECEIVED)
    expect(ids).toEqual([ids[0], ids[0]])
    expect(conversations()).toMatchObject([{ extConsumerId: 'bea' }])
  })

  test('whose token is refused is asked to sign in again, and nothing is opened', async () => {
    site.serve({ '/': pageWith(site.api.signedIn, { options: `{ token: () => 'x.y.z' }` }) })
    const page = await site.visit()
    const read = await recordEvents(page)
    await fill(page)
    await send(page).click()
    await says(page, 'Please sign in, and try again.')
    expect((await read()).at(-1)).toMatchObject(['failed', { code: 'consumer_token_invalid' }])
    expect(conversations()).toEqual([])
  })

  test('whose token can’t be renewed for a moment sends the form when it can', async () => {
    const token = await site.brand.sign({ sub: 'cea' })
    const options = `{ tries: 0, token() { if (this.tries++ === 0) throw new Error(); return '${token}' } }`
    site.serve({ '/': pageWith(site.api.signedIn, { options }) })
    const page = await site.visit()
    await fill(page)
    await send(page).click()
    await says(page, RECEIVED)
    expect(conversations()).toMatchObject([{ extConsumerId: 'cea' }])
  })

  test('after another one in the same tab, with the same text, gets a conversation of their own', async () => {
    const [ana, bea] = await Promise.all([site.brand.sign({ sub: 'dea' }), site.brand.sign({ sub: 'eva' })])
    site.serve({ '/': pageWith(site.api.signedIn, { options: `{ token: () => window.user ?? '${ana}' }` }) })
    const page = await site.visit()
    const ids = recordIds(page)
    await fill(page, 'Hello')
    await send(page).click()
    await says(page, RECEIVED)
    await page.waitForTimeout(1200)
    await page.evaluate(`window.user = '${bea}'`)
    await send(page).click()
    await expect.poll(() => conversations().length).toBe(2)
    expect(conversations().map(({ extConsumerId }) => extConsumerId)).toEqual(['dea', 'eva'])
    expect(ids).toHaveLength(3)
    expect(new Set(ids).size).toBe(2)
  })
})

describe('a bot check', () => {
  const widget = (token: string) => `<input type="hidden" name="cf-turnstile-response" value="${token}" />`

  test('that is solved opens one conversation, also after a double click', async () => {
    site.serve({ '/': pageWith(site.api.guarded, { fields: widget('solved-one') }) })
    const page = await site.visit()
    await fill(page)
    await send(page).dblclick()
    await says(page, RECEIVED)
    expect(conversations()).toHaveLength(1)
  })

  test('that fails ends in a message, and the next challenge opens the conversation', async () => {
    site.serve({ '/': pageWith(site.api.guarded, { fields: widget('nothing') }) })
    const page = await site.visit()
    const ids = recordIds(page)
    await fill(page)
    await send(page).click()
    await says(page, 'Please confirm that you are human, and try again.')
    expect(conversations()).toEqual([])
    await page.evaluate(`document.forms[0].elements['cf-turnstile-response'].value = 'solved-two'`)
    await send(page).click()
    await says(page, RECEIVED)
    expect(conversations()).toHaveLength(1)
    expect(ids).toEqual([ids[0], ids[0]])
  })

  test('is sent even if the page disables its fields meanwhile', async () => {
    site.serve({ '/': pageWith(site.api.guarded, { fields: widget('solved-four') }) })
    const page = await site.visit()
    await page.evaluate(`
      document.addEventListener('conversation:sending', ({ target }) => {
        for (const control of target.elements) control.disabled = true
      })`)
    const message = await fill(page)
    await send(page).click()
    await says(page, RECEIVED)
    expect(messages()).toEqual([message])
  })

  test('whose answer was lost opens one conversation', async () => {
    site.serve({ '/': pageWith(site.api.guarded, { fields: widget('solved-three') }) })
    const page = await site.visit()
    const abort = async (route: { fetch(): Promise<unknown>; abort(): Promise<void> }) => {
      await route.fetch()
      await route.abort()
    }
    await page.route('**/conversations', abort, { times: 1 })
    await fill(page)
    await send(page).click()
    await says(page, RECEIVED)
    expect(conversations()).toHaveLength(1)
  })
})

describe('an outcome that must not be repeated', () => {
  test.each([
    [409, 'outcome_unknown', 'We may have received your message. Please don’t send it again.', 1],
    [422, 'liveperson_rejected', 'Your message could not be sent. Please try again.', 2],
  ])('%i %s', async (statusCode, code, text, ids) => {
    site.serve({ '/': pageWith(site.api.anonymous) })
    const page = await site.visit()
    const sent = recordIds(page)
    await page.route('**/conversations', (route) =>
      route.fulfill({
        status: statusCode,
        headers: { 'access-control-allow-origin': SITE },
        json: { status: statusCode, code, retryable: false },
      }),
    )
    await fill(page)
    for (const count of [1, 2]) {
      await send(page).click()
      await expect.poll(() => sent.length).toBe(count)
      await says(page, text)
    }
    // A final refusal frees the id. An unknown outcome keeps it, so that nothing is opened twice.
    expect(new Set(sent).size).toBe(ids)
  })
})

describe('the page’s own markup', () => {
  test('fields outside, choices, checkboxes and the pressed button are sent as the browser would', async () => {
    site.serve({
      '/': pageWith(site.api.anonymous, {
        attributes: 'id="contact"',
        fields: `
          <select name="context.lang" aria-label="Language"><option>en-GB</option><option selected>de-DE</option></select>
          <label><input type="checkbox" name="consumer.phone" value="+4533112233" checked /> Call me</label>
          <button name="consumer.description" value="urgent">Send now</button>`,
      }).replace(
        '</main>',
        '<label>Last name <input name="consumer.lastName" form="contact" /></label></main>',
      ),
    })
    const page = await site.visit()
    await page.getByLabel('Last name').fill('Berg')
    await page.getByRole('button', { name: 'Send now' }).click()
    await says(page, RECEIVED)
    expect(conversations()).toMatchObject([
      {
        profile: { lastName: 'Berg', description: 'urgent' },
        context: { lang: 'de-DE' },
      },
    ])
    expect(JSON.stringify(conversations()[0]?.body)).toContain('+4533112233')
  })

  test('a field outside gets its error, and the focus', async () => {
    site.serve({
      '/': pageWith(site.api.anonymous, { attributes: 'id="contact"' }).replace(
        '</main>',
        `<label>Phone <input name="consumer.phone" form="contact" aria-describedby="hint" data-error="Zu lang" /></label>
        <p id="hint">With the country’s code</p></main>`,
      ),
    })
    const page = await site.visit()
    const phone = page.getByLabel('Phone')
    await phone.fill('1'.repeat(65))
    for (const _ of [1, 2]) {
      await send(page).click()
      await says(page, 'Please correct the marked fields.')
    }
    expect(await phone.evaluate('document.activeElement.name')).toBe('consumer.phone')
    const [hint, note, ...others] = (await phone.getAttribute('aria-describedby'))?.split(' ') ?? []
    expect([hint, others]).toEqual(['hint', []])
    expect(await page.locator(`#${note}`).textContent()).toBe('Zu lang')
    expect(await page.getByText('Zu lang').count()).toBe(1)
  })

  test('has its own places for messages, and its own words', async () => {
    site.serve({
      '/': pageWith(site.api.anonymous, {
        attributes: 'data-text-opened="Vielen Dank!" data-text-invalid="Bitte korrigieren"',
        fields: '<p id="own" data-error-for="consumer.email"></p><output role="status"></output>',
      }),
    })
    const page = await site.visit()
    await page.getByLabel('Email').fill('x'.repeat(400))
    await send(page).click()
    await says(page, 'Bitte korrigieren')
    expect(await page.locator('#own').textContent()).toMatch(/320/)
    expect(await page.getByLabel('Email').getAttribute('aria-describedby')).toBe('own')
    await page.getByLabel('Email').fill('')
    await send(page).click()
    await says(page, 'Vielen Dank!')
    expect(await page.getByRole('status').count()).toBe(1)
  })

  test('an event that the page handles itself shows nothing', async () => {
    site.serve({ '/': pageWith(site.api.anonymous) })
    const page = await site.visit()
    await page.evaluate(`
      document.addEventListener('conversation:opened', (event) => {
        event.preventDefault()
        document.title = event.detail.status
      })`)
    await fill(page)
    await send(page).click()
    await expect.poll(() => page.title()).toBe('opened')
    expect(await status(page).textContent()).toBe('')
    expect(await status(page).count()).toBe(1)
  })

  test('a text that the page shows in an event’s listener stays', async () => {
    site.serve({ '/': pageWith(site.api.anonymous, { fields: '<p role="status"></p>' }) })
    const page = await site.visit()
    await page.evaluate(`
      document.addEventListener('conversation:opened', (event) => {
        event.preventDefault()
        document.querySelector('[role=status]').textContent = 'Own'
      })`)
    await fill(page)
    await send(page).click()
    await says(page, 'Own')
  })

  test('an error is shown beside the field that was sent, and not beside a disabled one', async () => {
    site.serve({
      '/': pageWith(site.api.anonymous, {
        fields: `
          <fieldset disabled hidden><label>Work <input name="consumer.phone" /></label></fieldset>
          <label>Phone <input name="consumer.phone" /></label>
          <label>Topic <select><option>a</option><option>b</option></select></label>`,
      }),
    })
    const page = await site.visit()
    await fill(page)
    const phone = page.getByLabel('Phone')
    await phone.fill('1'.repeat(65))
    await send(page).click()
    await says(page, 'Please correct the marked fields.')
    expect(await page.locator('[aria-invalid]').count()).toBe(1)
    expect(await phone.evaluate('document.activeElement.getAttribute("aria-invalid")')).toBe('true')
    expect(await page.getByText('64').isVisible()).toBe(true)
    // A field without a name has no errors.
    await page.getByLabel('Topic').selectOption('b')
    expect(await phone.getAttribute('aria-invalid')).toBe('true')
  })

  test('fields that the page disables while it waits keep their errors', async () => {
    site.serve({ '/': pageWith(site.api.anonymous) })
    const page = await site.visit()
    await page.evaluate(`
      for (const [name, isDisabled] of [['sending', true], ['invalid', false]])
        document.addEventListener('conversation:' + name, ({ target }) => {
          for (const control of target.elements) control.disabled = isDisabled
        })`)
    await fill(page)
    await page.getByLabel('Email').fill('x'.repeat(400))
    await send(page).click()
    await says(page, 'Please correct the marked fields.')
    expect(await page.getByLabel('Email').getAttribute('aria-invalid')).toBe('true')
  })

  test('a check of the page comes first', async () => {
    site.serve({ '/': pageWith(site.api.anonymous) })
    const page = await site.visit()
    await page.evaluate(`document.forms[0].addEventListener('submit', (event) => event.preventDefault())`)
    const ids = recordIds(page)
    await fill(page)
    await send(page).click()
    await page.waitForTimeout(200)
    expect(ids).toEqual([])
  })

  test('a file is refused with a message, and an empty file field is no matter', async () => {
    site.serve({
      '/': pageWith(site.api.anonymous, {
        fields: '<p><label>File <input type="file" name="attachment" /></label></p>',
      }),
    })
    const page = await site.visit()
    await fill(page)
    const file = page.getByLabel('File')
    await file.setInputFiles({ name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('a') })
    await send(page).click()
    await says(page, 'Please correct the marked fields.')
    expect(await page.getByText('Files can’t be sent.').count()).toBe(1)
    expect(conversations()).toEqual([])
    await file.setInputFiles([])
    await send(page).click()
    await says(page, RECEIVED)
    expect(conversations()).toHaveLength(1)
  })

  test('a mistake that visitors can’t see is no mistake of theirs', async () => {
    site.serve({
      '/': pageWith(site.api.anonymous, { fields: '<input type="hidden" name="unknown" value="1" />' }),
    })
    const page = await site.visit()
    const read = await recordEvents(page)
    await fill(page)
    await send(page).click()
    await says(page, 'Your message could not be sent. Please try again.')
    expect((await read()).at(-1)).toMatchObject(['failed', { errors: [{ path: 'unknown' }] }])
  })

  test('LivePerson’s ids are taken from its web tag, and stay the same in a repeat', async () => {
    site.serve({
      '/': pageWith(site.api.anonymous).replace(
        '<script',
        `<script>
          let sessions = 0
          lpTag = { taglets: { lp_monitoringSDK: { getVid: () => 'visitor-1', getSid: () => 'session-' + ++sessions } } }
        </script><script`,
      ),
    })
    const page = await site.visit()
    await page.route('**/conversations', (route) => route.abort(), { times: 1 })
    await fill(page)
    await send(page).click()
    await says(page, RECEIVED)
    expect(conversations()).toMatchObject([{ context: { visitorId: 'visitor-1', sessionId: 'session-1' } }])
  })
})

describe('forms', () => {
  test('that are added later, and several on one page, each open one conversation', async () => {
    site.serve({ '/': pageWith(site.api.anonymous) })
    const page = await site.visit()
    await page.evaluate(`{
      const copy = document.forms[0].cloneNode(true)
      document.querySelector('main').append(copy)
    }`)
    for (const index of [0, 1]) {
      await page.getByLabel('Message').nth(index).fill(`form ${index}`)
      await page.getByRole('button').nth(index).click()
    }
    await expect.poll(() => messages().toSorted()).toEqual(['form 0', 'form 1'])
    for (const index of [0, 1])
      await expect.poll(() => page.getByRole('status').nth(index).textContent()).toBe(RECEIVED)
  })

  test('in a shadow root work with the ES module', async () => {
    site.serve({
      '/': `<!doctype html><title>Contact</title><x-contact></x-contact>
      <script type="module">
        import { start } from '/form-client.js'
        customElements.define('x-contact', class extends HTMLElement {
          connectedCallback() {
            const root = this.attachShadow({ mode: 'open' })
            root.innerHTML = '<form id="shadow" data-campaign-conversations="${site.api.anonymous.url}/conversations"' +
              ' data-route="order-help"><input name="consumer.email" aria-label="Email"><button>Send</button></form>'
            start({ root })
          }
        })
      </script>`,
    })
    const page = await site.visit()
    const read = await recordEvents(page)
    await page.getByLabel('Email').fill('x'.repeat(400))
    await send(page).click()
    await says(page, 'Please correct the marked fields.')
    await page.getByLabel('Email').fill('zoe@example.org')
    await send(page).click()
    await says(page, RECEIVED)
    expect(namesOf(await read())).toEqual(['sending', 'invalid', 'sending', 'opened'])
    expect(conversations()).toHaveLength(1)
  })

  test('without the attribute are left alone', async () => {
    site.serve({
      '/': '<!doctype html><script src="/form-client-script.js"></script><form action="/next"><button>Send</button></form>',
      '/next': '<!doctype html><title>Next</title>',
    })
    const page = await site.visit()
    await send(page).click()
    await page.waitForURL('**/next?')
  })
})

describe('without JavaScript', () => {
  const noScript = { javaScriptEnabled: false }
  const visitId = () => `<input type="hidden" name="requestId" value="visit-${Math.random()}" />`

  test('a form ends on a page of the service, and a reload opens nothing', async () => {
    site.serve({ '/': pageWith(site.api.anonymous) })
    const page = await site.visit('/', noScript)
    const message = await fill(page)
    await send(page).click()
    expect(await page.getByRole('heading').textContent()).toBe('Thank you')
    expect(page.url()).toMatch(/\/conversations\/[\w.-]+$/)
    expect((await page.content()).includes(message)).toBe(false)
    await page.reload()
    expect(await page.getByRole('heading').textContent()).toBe('Thank you')
    expect(messages()).toEqual([message])
  })

  test('a form of a route with pages ends there, and a reload opens nothing', async () => {
    site.serve({
      '/': pageWith(site.api.anonymous).replace('value="order-help"', 'value="pages"'),
      '/thanks': '<!doctype html><title>Thanks</title>',
      '/problem': '<!doctype html><title>Problem</title>',
    })
    const page = await site.visit('/', noScript)
    await fill(page)
    await send(page).click()
    await page.waitForURL(`${SITE}/thanks`)
    await page.reload()
    expect(conversations()).toHaveLength(1)

    await page.goto(SITE)
    await page.getByLabel('Email').fill('x'.repeat(400))
    await send(page).click()
    await page.waitForURL(`${SITE}/problem?from=form&code=invalid_request&field=consumer.email`)
    expect(conversations()).toHaveLength(1)
  })

  test('a mistake is told, the fields are still filled in, and the corrected form opens one conversation', async () => {
    site.serve({ '/': pageWith(site.api.anonymous) })
    const page = await site.visit('/', noScript)
    const message = await fill(page)
    await page.getByLabel('Email').fill('x'.repeat(400))
    await send(page).click()
    expect(await page.getByRole('main').textContent()).toContain('Please check: email address.')
    await page.goBack()
    expect(await page.getByLabel('Message').inputValue()).toBe(message)
    await page.getByLabel('Email').fill('zoe@example.org')
    await send(page).click()
    expect(await page.getByRole('heading').textContent()).toBe('Thank you')
    expect(messages()).toEqual([message])
  })

  test('a requestId that is made per visit protects against a double click', async () => {
    site.serve({ '/': pageWith(site.api.anonymous, { fields: visitId() }) })
    const page = await site.visit('/', noScript)
    await fill(page)
    await send(page).click()
    await page.goBack()
    await send(page).click()
    expect(await page.getByRole('heading').textContent()).toBe('Thank you')
    expect(conversations()).toHaveLength(1)
  })

  test('without that id, the same form opens two', async () => {
    site.serve({ '/': pageWith(site.api.anonymous) })
    const page = await site.visit('/', noScript)
    await fill(page)
    await send(page).click()
    await page.waitForURL('**/conversations/**')
    await page.goBack()
    await send(page).click()
    await expect.poll(() => conversations().length).toBe(2)
  })
})
