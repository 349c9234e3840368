import { type Fault, type Faults, numbersFor } from './faults.ts'
import type { TroubleKind } from './network.ts'
import { ACCOUNTS } from './requests.ts'
import type { VirtualTime } from './time.ts'
import type { World } from './world.ts'

/** A time during which an account was in trouble, in milliseconds since the start of the run. */
export interface Trouble {
  readonly from: number
  readonly to: number
}

const SECOND = 1000
const MINUTE = 60 * SECOND

const TROUBLES: readonly [TroubleKind, ...TroubleKind[]] = ['silent', 'refused', 'black hole', '503']

/**
 * Schedules what no call causes: hosts that move, deployments, rotated secrets, accounts in trouble or paused,
 * and a LivePerson that limits creates. Returns the troubles of the second account, as they begin.
 */
export const scheduleOperations = ({
  seed,
  time,
  faults,
  world,
  spanMs,
}: {
  readonly seed: string
  readonly time: VirtualTime
  readonly faults: Faults
  readonly world: World
  readonly spanMs: number
}): { readonly troubles: readonly Trouble[] } => {
  const startedAt = time.now()
  const troubles: Trouble[] = []

  const plan = (fault: Fault, times: number, odds: number, run: (point: string) => void) => {
    for (let index = 0; index < times; index++) {
      const point = `event ${fault} #${index + 1}`
      if (!faults.strike(point, { [fault]: odds })) continue
      time.after(numbersFor(seed, point).below(spanMs), () => {
        if (faults.areOn()) run(point)
      })
    }
  }

  const trouble = (kind: TroubleKind, lengthMs: number) => {
    const [, accountId] = ACCOUNTS
    world.troubled.set(accountId, kind)
    const from = time.now() - startedAt
    troubles.push({ from, to: from + lengthMs })
    time.after(lengthMs, () => world.troubled.delete(accountId))
  }

  plan('domains move', 12, 0.9, () => world.livePerson.moveHosts())
  plan('deploy', 12, 0.9, () => world.deploy('reordered'))
  plan('deploy of a new key formula', 12, 0.9, () => world.deploy('new formula'))
  plan('account in trouble', 4, 0.9, (point) => {
    const numbers = numbersFor(seed, `${point} length`)
    trouble(numbers.pick(TROUBLES), 20 * SECOND + numbers.below(100 * SECOND))
  })
  plan('account in trouble for hours', 1, 0.3, (point) => {
    const numbers = numbersFor(seed, `${point} length`)
    trouble(numbers.pick(TROUBLES), 60 * MINUTE + numbers.below(90 * MINUTE))
  })
  plan('account paused', 4, 0.9, (point) => {
    const numbers = numbersFor(seed, `${point} length`)
    const accountId = numbers.pick(ACCOUNTS)
    void world.setPaused(accountId, true)
    // Longer than the give-up age now and then.
    const lengthMs = numbers.chance(0.1) ? 100 * MINUTE : numbers.pick([90 * SECOND, 5 * MINUTE])
    time.after(lengthMs, () => void world.setPaused(accountId, false))
  })
  plan('LivePerson limits creates', 4, 0.9, (point) => {
    const numbers = numbersFor(seed, `${point} limit`)
    const { settings } = world.livePerson.state
    const retryAfter = numbers.pick([0, 2, 20])
    settings.createLimit = {
      perSecond: numbers.pick([2, 10, 30]),
      burst: 10,
      ...(retryAfter > 0 && { retryAfter }),
    }
    time.after(30 * SECOND + numbers.below(60 * SECOND), () => {
      settings.createLimit = undefined
    })
  })
  plan('secret rotated', 12, 0.9, (point) => {
    const accountId = ACCOUNTS[0]
    const account = world.livePerson.accounts.find((each) => each.accountId === accountId)
    const secretId = `campaign-conversations/test/${accountId}`
    const before = world.secrets.get(secretId)
    if (!account || !before) return
    const clientSecret = `rotated-${numbersFor(seed, point).uuid()}`
    account.clientSecrets = [clientSecret, ...account.clientSecrets].slice(0, 2)
    world.secrets.set(secretId, {
      AWSCURRENT: JSON.stringify({ clientId: account.clientId, clientSecret }),
      ...(before.AWSCURRENT !== undefined && { AWSPREVIOUS: before.AWSCURRENT }),
    })
  })
  return { troubles }
}

/** Ends every trouble, pause and limit, as before a replay. */
export const endOperations = async (world: World): Promise<void> => {
  world.troubled.clear()
  world.livePerson.state.settings.createLimit = undefined
  for (const accountId of ACCOUNTS) await world.setPaused(accountId, false)
}
