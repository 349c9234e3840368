import { chanceOf, createRandom } from './random.ts'

/** What can happen to one call to LivePerson. `after` means that LivePerson has carried it out. */
export const LIVEPERSON_FAULTS = [
  'connection refused',
  'black hole',
  'reset before',
  'reset after',
  'silent before',
  'silent after',
  'slow',
  'half an answer',
  '429',
  '429 with Retry-After',
  '503 before',
  '502 after',
  'HTML 503 before',
  'HTML 200 after',
  'HTML 403',
  'bare 404',
  'JSON 403 Forbidden',
  'unknown wording',
  'unknown item code',
  /** As for a campaign that isn't published at the moment. */
  'refused as documented',
  'AppJWT expired',
  'ConsumerJWS revoked',
] as const

type Plain = (typeof LIVEPERSON_FAULTS)[number]

/**
 * The same faults for calls to SEND. They have their own names, because what is safe for a conversation may
 * not be safe for a message.
 */
export const SEND_FAULTS = LIVEPERSON_FAULTS.map((fault): `SEND: ${Plain}` => `SEND: ${fault}`)

/** What can happen to one call to AWS. */
export const AWS_FAULTS = [
  /** The SDK waits and tries again. Mostly, that helps. */
  'AWS throttles',
  'AWS is down',
  'AWS answer lost',
  /** The first answer is lost, and the SDK makes the call again. */
  'AWS call repeated',
  'AWS is slow',
] as const

/** What can happen to the container that makes a call. */
export const CONTAINER_FAULTS = ['killed before', 'killed after', 'frozen', 'frozen past the lease'] as const

/** What happens to every create of one request. */
export const FATES = [
  'every create is forbidden',
  'every create is answered 503',
  'every create kills its container',
] as const

/** What happens independently of any one call. */
export const EVENT_FAULTS = [
  'agent closes',
  'agent closes at once',
  'agent closes after a survey',
  'domains move',
  'secret rotated',
  'account in trouble',
  'account in trouble for hours',
  'account paused',
  'LivePerson limits creates',
  'deploy',
  'deploy of a new key formula',
  'constant status requests',
  'push late',
  'push doubled',
  'push lost',
  'duplicate delivery',
  'clock skew',
] as const

export type LivePersonFault = Plain | `SEND: ${Plain}`
export type AwsFault = (typeof AWS_FAULTS)[number]
export type ContainerFault = (typeof CONTAINER_FAULTS)[number]
export type Fate = (typeof FATES)[number]
export type EventFault = (typeof EVENT_FAULTS)[number]
export type Fault = LivePersonFault | AwsFault | ContainerFault | Fate | EventFault

export const ALL_FAULTS: readonly Fault[] = [
  ...LIVEPERSON_FAULTS,
  ...SEND_FAULTS,
  ...AWS_FAULTS,
  ...CONTAINER_FAULTS,
  ...FATES,
  ...EVENT_FAULTS,
]

/** A fault that struck, and where. The point has the same name in every run of the seed. */
export interface Struck {
  readonly point: string
  readonly fault: Fault
}

export interface Faults {
  /** Returns the fault that strikes at a point, if any. */
  readonly strike: <F extends Fault>(
    point: string,
    among: Readonly<Partial<Record<F, number>>>,
  ) => F | undefined
  readonly struck: readonly Struck[]
  /** From now on, no fault strikes. */
  readonly stop: () => void
  /** Whether faults still strike. */
  readonly areOn: () => boolean
}

/**
 * Decides which faults strike. This depends only on the seed and the name of the point, so the others stay
 * where they are if one is left out.
 *
 * @param options.only If set, only these faults strike.
 * @param options.without Faults that never strike.
 */
export const createFaults = ({
  seed,
  intensity = 1,
  only,
  without = [],
}: {
  readonly seed: string
  readonly intensity?: number
  readonly only?: readonly Struck[] | undefined
  readonly without?: readonly Fault[]
}): Faults => {
  const struck: Struck[] = []
  const chosen = only && new Map(only.map(({ point, fault }) => [point, fault]))
  let areOn = true
  const strike = (point: string, fault: Fault) => {
    struck.push({ point, fault })
    return fault
  }
  return {
    struck,
    stop: () => {
      areOn = false
    },
    areOn: () => areOn,
    strike: (point, among) => {
      if (!areOn) return undefined
      if (chosen) {
        const fault = chosen.get(point)
        if (fault === undefined || !(fault in among)) return undefined
        strike(point, fault)
        return fault as keyof typeof among & Fault as never
      }
      let at = chanceOf(seed, point)
      for (const [name, probability] of Object.entries(among) as [Fault, number][]) {
        if (without.includes(name)) continue
        const width = probability * intensity
        if (at < width) return strike(point, name) as never
        at -= width
      }
      return undefined
    },
  }
}

/** Returns numbers that depend only on the seed and the name of a point. */
export const numbersFor = (seed: string, point: string) => createRandom(`${seed}\nnumbers\n${point}`)

/** Returns the name of a fault without the `SEND: ` prefix. */
export const plainFault = (fault: LivePersonFault): Plain => {
  const name = fault.replace(/^SEND: /, '')
  const plain = LIVEPERSON_FAULTS.find((each) => each === name)
  if (plain) return plain
  throw new Error(`Unknown fault ${fault}`)
}
