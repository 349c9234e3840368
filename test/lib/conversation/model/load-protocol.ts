import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import * as original from '../../../../lib/conversation/protocol.ts'

/** The functions that the model checker explores: the original's, or a mutant's. */
export type Protocol = Pick<
  typeof original,
  | 'begin'
  | 'next'
  | 'learn'
  | 'merge'
  | 'isSame'
  | 'outcomeOf'
  | 'isFinished'
  | 'afterExpiry'
  | 'closedAtOf'
  | 'settledBy'
  | 'forgottenAt'
>

/** A change of one place in the source text. */
export interface Change {
  readonly find: string
  readonly replace: string
}

const SOURCE = readFileSync(new URL('../../../../lib/conversation/protocol.ts', import.meta.url), 'utf8')

/** The protocol as it is. */
export const PROTOCOL: Protocol = original

/**
 * Returns the protocol with one change.
 *
 * @throws {Error} The source doesn't contain the text exactly once.
 */
export const loadMutant = async ({ find, replace }: Change): Promise<Protocol> => {
  const places = SOURCE.split(find).length - 1
  if (places !== 1) throw new Error(`protocol.ts contains this text ${places} times, not once: ${find}`)
  // The protocol imports types only, so nothing is left to import.
  const script = stripTypeScriptTypes(SOURCE.replace(find, () => replace))
  const mutant: Protocol = await import(
    /* @vite-ignore */ `data:text/javascript,${encodeURIComponent(script)}`
  )
  return mutant
}
