import { createServer } from 'node:http'
import type { BrowserContext, Page } from 'playwright-core'
import { closeServer, listen } from '../../local/net/listen.ts'
import type { HttpApi } from '../../local/stack/http-api.ts'
import { bundleFormClient } from '../../tools/form-client.ts'
import {
  type BotCheckProvider,
  type IdentityProvider,
  startBotCheckProvider,
  startIdentityProvider,
} from '../security/third-parties.ts'
import { startApi } from '../support/api.ts'
import { ACCOUNT, deliver, ORDER_HELP, startWorld, toRecord, type World } from '../support/world.ts'
import { startChromium } from './chromium.ts'

export const SITE = 'http://localhost:5173'
export const CONTINUE = 'https://www.example.com/messages'

export type Site = Awaited<ReturnType<typeof startSite>>

/** Starts a brand's site with the form client, three stages of the API that it calls, and a browser. */
export const startSite = async () => {
  const world: World = await startWorld()
  const brand: IdentityProvider = await startIdentityProvider('https://id.example.com/')
  const bots: BotCheckProvider = await startBotCheckProvider('bot-check-secret')
  world.secretsManager.put(`campaign-conversations/test/${ACCOUNT}/bot-check`, { secret: 'bot-check-secret' })

  const stageOf = (form: object = {}) => ({
    origins: [SITE],
    accounts: [
      {
        accountId: ACCOUNT,
        continue: CONTINUE,
        form,
        routes: {
          'order-help': { ...ORDER_HELP, doors: ['form'] },
          pages: {
            ...ORDER_HELP,
            doors: ['form'],
            thanks: `${SITE}/thanks`,
            problem: `${SITE}/problem?from=form`,
          },
        },
      },
    ],
  })
  const stages = {
    anonymous: stageOf(),
    signedIn: stageOf({ consumers: 'both', tokens: brand.tokens }),
    guarded: stageOf({ botCheck: { verifyUrl: bots.verifyUrl, hostnames: ['www.example.com'] } }),
  }
  const [anonymous, signedIn, guarded] = await Promise.all([
    startApi(world, stages.anonymous),
    startApi(world, stages.signedIn),
    startApi(world, stages.guarded),
  ])
  const queueService = world.createService({ stage: stages.signedIn })

  const [module, script] = await bundleFormClient()
  /** The pages of the site by path. */
  const pages = new Map<string, string>()
  const server = createServer(({ url = '/' }, response) => {
    const { pathname } = new URL(url, SITE)
    const file = [module, script].find((each) => `/${each?.name}` === pathname)
    const type = file ? 'text/javascript' : 'text/html'
    const content = file?.code ?? pages.get(pathname)
    response.writeHead(content === undefined ? 404 : 200, { 'content-type': `${type}; charset=utf-8` })
    response.end(content)
  })
  const port = await listen(server)
  const chromium = await startChromium({
    hosts: { 'localhost:5173': `127.0.0.1:${port}` },
    keepsPagesOfHistory: true,
  })
  const contexts: BrowserContext[] = []

  return {
    world,
    brand,
    browser: chromium.browser,
    api: { anonymous, signedIn, guarded } satisfies Record<string, HttpApi>,

    /** Sets the pages of the site, by path. */
    serve: (content: Readonly<Record<string, string>>): void => {
      for (const [path, html] of Object.entries(content)) pages.set(path, html)
    },

    /** Opens a page in a new browser profile. */
    visit: async (
      path = '/',
      options: Parameters<typeof chromium.browser.newContext>[0] = {},
    ): Promise<Page> => {
      const context = await chromium.browser.newContext(options)
      contexts.push(context)
      const page = await context.newPage()
      await page.goto(`${SITE}${path}`)
      return page
    },

    /** Delivers what was handed over, as the queue does. Returns how many requests that were. */
    deliverHandOvers: async (): Promise<number> => {
      const bodies = await world.receiveHandOvers()
      if (bodies.length > 0)
        await deliver(
          queueService,
          bodies.map((body) => toRecord(body, { queue: 'handOver' })),
        )
      return bodies.length
    },

    /** Ends a test: closes its profiles, and forgets its conversations and pages. */
    reset: async (): Promise<void> => {
      await Promise.all(contexts.splice(0).map((context) => context.close()))
      pages.clear()
      world.livePerson.reset()
      await world.receiveHandOvers()
    },

    close: async (): Promise<void> => {
      await chromium.close()
      await Promise.all([
        closeServer(server),
        anonymous.close(),
        signedIn.close(),
        guarded.close(),
        brand.close(),
        bots.close(),
      ])
      await world.close()
    },
  }
}

/** Returns a page with a form that the plain script looks after. */
export const pageWith = (
  { url }: HttpApi,
  {
    fields = '',
    attributes = '',
    options = '',
  }: { fields?: string; attributes?: string; options?: string } = {},
): string => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>Contact</title>
    ${options && `<script>campaignConversations = ${options}</script>`}
    <script src="/form-client-script.js" defer></script>
  </head>
  <body>
    <main>
      <h1>Contact</h1>
      <form
        method="post"
        action="${url}/conversations"
        data-campaign-conversations="${url}/conversations"
        data-route="order-help"
        ${attributes}
      >
        <input type="hidden" name="route" value="order-help" />
        <p><label>Name <input name="consumer.firstName" autocomplete="given-name" /></label></p>
        <p><label>Email <input name="consumer.email" autocomplete="email" /></label></p>
        <p><label>Message <textarea name="message"></textarea></label></p>
        ${fields}
        <p><button>Send</button></p>
      </form>
    </main>
  </body>
</html>`
