import type { Item } from '../../lib/aws/state-table.ts'
import type { Conversation } from '../../local/liveperson/state/store.ts'
import type { Ending, Quarantined, Told } from './ending.ts'
import type { Planned } from './requests.ts'
import type { Witnessed } from './witness.ts'

/** One request with everything about it. */
export interface Subject {
  readonly ending: Ending
  readonly planned: Planned
  readonly item: Item | undefined
  readonly told: readonly Told[]
  readonly own: readonly Conversation[]
  readonly quarantined: readonly Quarantined[]
  readonly witnessed: Witnessed
}

/** A promise about one request. Each string that it returns is a finding. */
export type Invariant = (subject: Subject) => readonly string[]
