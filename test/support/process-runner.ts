import { z } from 'zod'

const Message = z.object({
  id: z.number(),
  advanceMs: z.number().optional(),
  handler: z.string().optional(),
  event: z.unknown().optional(),
  remainingMs: z.number().optional(),
})

/**
 * Runs in a container's process. Loads the handlers in the first argument, by function, and calls them for
 * the parent process. Only the handlers write to its output.
 */
const modules = z.record(z.string(), z.string()).parse(JSON.parse(process.argv[2] ?? ''))

// Replaced before anything is loaded that might keep a reference to Date.now.
let aheadMs = 0
const clock = Date.now
Date.now = () => clock() + aheadMs

const handlers = new Map<string, (event: unknown, context: unknown) => Promise<unknown>>()
for (const [name, url] of Object.entries(modules)) {
  const loaded: { handler?: unknown } = await import(url)
  if (typeof loaded.handler !== 'function') throw new Error(`${url} has no handler`)
  const { handler } = loaded
  handlers.set(name, async (event, context) => handler(event, context))
}

process.on('message', (sent) => {
  const { id, advanceMs = 0, handler = '', event, remainingMs = 15_000 } = Message.parse(sent)
  aheadMs += advanceMs
  const end = clock() + remainingMs
  const context = { getRemainingTimeInMillis: () => end - clock() }
  const run = handlers.get(handler)
  Promise.resolve(run?.(event, context)).then(
    (answer) => process.send?.({ id, answer }),
    (error: unknown) => process.send?.({ id, thrown: String(error) }),
  )
})
process.send?.({ id: 0 })
