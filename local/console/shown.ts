/** What the page shows. The server sends it whenever it has changed. */
export interface Shown {
  readonly conversations: readonly ShownConversation[]
  readonly queues: { readonly events: number; readonly handOver: number; readonly quarantine: number }
  readonly switches: readonly Switch[]
  readonly steps: readonly Step[]
}

/** A conversation as an agent sees it. */
export interface ShownConversation {
  readonly conversationId: string
  readonly accountId: string
  readonly skill: string
  readonly campaign: string
  readonly state: 'OPEN' | 'CLOSE'
  readonly openedAt: number
  readonly agent?: string | undefined
  readonly consumer: string
  /** Engagement attributes. LivePerson shows all of them as authenticated. */
  readonly attributes: readonly string[]
  readonly messages: readonly { readonly from: 'agent' | 'consumer'; readonly text: string }[]
}

/** A fault that a person can switch on and off. */
export interface Switch {
  readonly name: SwitchName
  readonly label: string
  readonly isOn: boolean
}

export type SwitchName = 'slow' | 'lost' | 'refused' | 'down'

/** One step of a request's path, as the console shows it. */
export interface Step {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly kind: 'call' | 'ledger' | 'outcome' | 'log' | 'switch'
  readonly text: string
  readonly isTrouble: boolean
  /** The requestId of the sender. Undefined if it isn't known which request it is about. */
  readonly requestId?: string | undefined
}
