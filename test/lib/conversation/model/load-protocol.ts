import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import * as originalFacts from '../../../../lib/conversation/facts.ts'
import * as originalProtocol from '../../../../lib/conversation/protocol.ts'

/** The functions that the model checker explores: the original's, or a mutant's. */
export type Protocol = Pick<typeof originalProtocol, 'begin' | 'next' | 'learn'> &
  Pick<
    typeof originalFacts,
    | 'merge'
    | 'isSame'
    | 'outcomeOf'
    | 'isFinished'
    | 'afterExpiry'
    | 'closedAtOf'
    | 'settledBy'
    | 'forgottenAt'
  >

/** A change of one place in the source text of a file in `lib/conversation/`. */
export interface Change {
  readonly file: 'facts.ts' | 'protocol.ts'
  readonly find: string
  readonly replace: string
}

const read = (file: Change['file']): string =>
  readFileSync(new URL(`../../../../lib/conversation/${file}`, import.meta.url), 'utf8')

const SOURCES = { 'facts.ts': read('facts.ts'), 'protocol.ts': read('protocol.ts') }

/** The protocol as it is. */
export const PROTOCOL: Protocol = { ...originalFacts, ...originalProtocol }

/**
 * Returns the protocol with one change.
 *
 * @throws {Error} The source doesn't contain the text exactly once.
 */
export const loadMutant = async ({ file, find, replace }: Change): Promise<Protocol> => {
  const places = SOURCES[file].split(find).length - 1
  if (places !== 1) throw new Error(`${file} contains this text ${places} times, not once: ${find}`)
  const sources = { ...SOURCES, [file]: SOURCES[file].replace(find, () => replace) }
  // Only the protocol imports anything at run time: the facts. The model needs the functions of both files.
  const facts = JSON.stringify(toUrl(stripTypeScriptTypes(sources['facts.ts'])))
  const protocol = stripTypeScriptTypes(sources['protocol.ts']).replace("'./facts.ts'", () => facts)
  const url = toUrl(`${protocol}\nexport * from ${facts}`)
  const mutant: Protocol = await import(/* @vite-ignore */ url)
  return mutant
}

const toUrl = (script: string): string => `data:text/javascript,${encodeURIComponent(script)}`
