import type { CommandGroup } from './command.ts'
import { drop } from './quarantine/drop.ts'
import { list } from './quarantine/list.ts'
import { replayVerb } from './quarantine/replay.ts'
import { show } from './quarantine/show.ts'
import { HIDDEN } from './quarantine/with-records.ts'

/** `quarantine`: the records that a person has to look at. */
export const quarantine: CommandGroup = {
  summary: 'lists, shows, replays and deletes the records in quarantine',
  notes: HIDDEN,
  verbs: new Map([
    ['list', list],
    ['show', show],
    ['replay', replayVerb],
    ['drop', drop],
  ]),
}
