/** What must work before a conversation can be opened, in the order of the checks. */
export const STEPS = [
  'configuration',
  'secret',
  'bot-check secret',
  'domains',
  'AppJWT',
  'ConsumerJWS',
  'conversation',
] as const

/** The name of a step. */
export type StepName = (typeof STEPS)[number]

/** The result of one step. */
export interface Step {
  /** '' for a step that all accounts share. */
  readonly accountId: string
  readonly step: StepName
  readonly status: 'ok' | 'failed' | 'skipped'
  /** What the step found, for a reader. It contains no secret and no token. */
  readonly found: string
  /** What an operator should know, although the step is ok. Absent if there is nothing. */
  readonly warnings?: readonly string[]
  /** The code of the `AppError`, if the step failed. */
  readonly code?: string
  /** What to do next, if the step failed. */
  readonly next?: string
}

/** What a successful step returns: a value for later steps, a text for a reader, and warnings. */
export interface Found<T> {
  readonly value: T
  readonly found: string
  readonly warnings?: readonly string[]
}
