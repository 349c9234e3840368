import type { LivePersonSimulator } from '../liveperson/server.ts'
import type { LivePersonAccount } from '../liveperson/state/account.ts'
import type { Switch, SwitchName } from './shown.ts'

const LABELS: Readonly<Record<SwitchName, string>> = {
  slow: 'LivePerson takes 8 seconds to open a conversation',
  lost: 'LivePerson opens the next conversation, and its answer is lost',
  refused: "LivePerson refuses every account's secret",
  down: 'LivePerson answers 503',
}

/** Longer than the time that a form has. */
const SLOW_MS = 8000

export const isSwitch = (name: unknown): name is SwitchName =>
  typeof name === 'string' && Object.hasOwn(LABELS, name)

/**
 * Returns the faults of the console. Each is off at first.
 *
 * @param options.accounts The simulator's. While the secrets are refused, their `clientSecrets` differ.
 */
export const createSwitches = ({
  livePerson,
  accounts,
}: {
  readonly livePerson: LivePersonSimulator
  readonly accounts: readonly LivePersonAccount[]
}) => {
  const off = new Map<SwitchName, () => void>()
  const { faults } = livePerson

  const turnOn = (name: SwitchName): (() => void) => {
    switch (name) {
      case 'slow':
        return faults.add({
          kind: 'latency',
          ms: SLOW_MS,
          service: 'conversation',
          times: Number.POSITIVE_INFINITY,
        })
      case 'lost':
        return faults.add({ kind: 'reset-after', service: 'conversation' })
      case 'down':
        return faults.add({
          kind: 'status',
          status: 503,
          service: 'conversation',
          times: Number.POSITIVE_INFINITY,
        })
      case 'refused': {
        const known = accounts.map((account) => [account, account.clientSecrets] as const)
        for (const account of accounts) account.clientSecrets = []
        // So that the tokens of before don't hide it.
        livePerson.revokeAppTokens()
        return () => {
          for (const [account, clientSecrets] of known) account.clientSecrets = clientSecrets
        }
      }
    }
  }

  /** The lost answer switches itself off once it has occurred. */
  const isOn = (name: SwitchName): boolean =>
    off.has(name) && (name !== 'lost' || faults.active().some(({ kind }) => kind === 'reset-after'))

  return {
    list: (): readonly Switch[] =>
      Object.entries(LABELS).flatMap(([name, label]) =>
        isSwitch(name) ? [{ name, label, isOn: isOn(name) }] : [],
      ),

    /** Returns what was done, undefined if the switch was in that position already. */
    set: (name: SwitchName, wanted: boolean): string | undefined => {
      if (isOn(name) === wanted) return undefined
      off.get(name)?.()
      off.delete(name)
      if (wanted) off.set(name, turnOn(name))
      return `${wanted ? 'Switched on' : 'Switched off'}: ${LABELS[name]}`
    },
  }
}
