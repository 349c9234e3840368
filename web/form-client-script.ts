import { type FormClientOptions, start } from './form-client.ts'

declare global {
  interface Window {
    /** Set it before the script runs, or change it later. */
    campaignConversations?: FormClientOptions & { start?: typeof start }
  }
}

// The plain script. It starts by itself, and reads its options from the page.
window.campaignConversations ??= {}
window.campaignConversations.start = start
start(window.campaignConversations)
