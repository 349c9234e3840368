import type { CommandGroup } from './command.ts'
import { forget } from './request/forget.ts'
import { settle } from './request/settle.ts'
import { show } from './request/show.ts'

/** `request`: what the ledger knows about one request, and what a person adds to it. */
export const request: CommandGroup = {
  summary: 'shows, settles or forgets one request',
  notes: 'settle and forget add facts to the ledger. Nothing is removed from it.',
  verbs: new Map([
    ['show', show],
    ['settle', settle],
    ['forget', forget],
  ]),
}
