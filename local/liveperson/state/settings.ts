import { type Check, isObject, must, oneOf, text } from '../json/check.ts'

/** Strict refuses what the public material does not document; lenient takes it and routes to the default skill. */
export type Mode = 'strict' | 'lenient'

/** Switches for what LivePerson's public material leaves open; change them at any time. */
export interface Settings {
  mode: Mode
  /** HTTP status of a CONVERSATION answer in which an element failed; the 2019 guide says 400. Default 400. */
  failingElementStatus: 400 | 200
  /** Whether a consumer may have one open conversation only. Default true. */
  oneOpenConversation: boolean
  /** Unknown, deleted or unpublished campaign, engagement or skill; `undefined`: strict rejects. Default undefined. */
  unknownCampaign: 'reject' | 'default-skill' | undefined
  /** `expires_in` in Sentinel's answer; V1 documents none. Default absent. */
  expiresIn: 'absent' | 'number' | 'string'
  /** Life of an AppJWT in seconds. Default 3600. */
  appJwtLifetimeSeconds: number
  /** `iss` of the AppJWTs that Sentinel makes; with another one the Send API answers 40001. Default Sentinel. */
  appJwtIssuer: string
  /** The answer for one service: a flat object, or the `baseURIs` list that the reference page prints. Default flat. */
  domainsShape: 'flat' | 'list'
  /** The Domain API's answer for a service that it doesn't know: 404, or 200 without a host. Default not-found. */
  unknownService: 'not-found' | 'no-host'
  /** Whether the IDP answers a bad AppJWT with 500 `{"internalErrorCode":"9007"}` in place of 401. Default false. */
  internalErrorCodeOn401: boolean
  /** Most characters of a SEND body. Default 5000. */
  sendLimit: number
  /** Most characters of a CONVERSATION body; `undefined`: no limit. Default undefined. */
  conversationLimit: number | undefined
  /** Order of the elements of a CONVERSATION answer. Default array: the order of the request. */
  answerShape: 'array' | 'reversed'
  /** Most requests that are remembered; the older half is forgotten beyond it. Default 100000. */
  rememberedRequests: number
}

/** The settings a simulator starts with. */
export const defaultSettings = (mode: Mode): Settings => ({
  mode,
  failingElementStatus: 400,
  oneOpenConversation: true,
  unknownCampaign: undefined,
  expiresIn: 'absent',
  appJwtLifetimeSeconds: 3600,
  appJwtIssuer: 'Sentinel',
  domainsShape: 'flat',
  unknownService: 'not-found',
  internalErrorCodeOn401: false,
  sendLimit: 5000,
  conversationLimit: undefined,
  answerShape: 'array',
  rememberedRequests: 100_000,
})

/**
 * Takes changes that came as JSON; null stands for `undefined`.
 *
 * @returns What is wrong with them, in which case nothing was changed.
 */
export const changeSettings = (settings: Settings, changes: unknown): string | undefined => {
  if (!isObject(changes)) return 'settings must be an object'
  const next: Record<string, unknown> = {}
  for (const [name, given] of Object.entries(changes)) {
    const value = given ?? undefined
    const check = Object.hasOwn(checks, name) ? checks[name as keyof Settings] : undefined
    const problem = check === undefined ? `settings.${name} is unknown` : check(value, `settings.${name}`)
    if (problem !== undefined) return problem
    next[name] = value
  }
  Object.assign(settings, next)
  return undefined
}

const bool = oneOf(true, false)
const count = must('a whole number above 0', (value) => Number.isInteger(value) && Number(value) > 0)

const checks: { readonly [Name in keyof Settings]: Check } = {
  mode: oneOf('strict', 'lenient'),
  failingElementStatus: oneOf(400, 200),
  oneOpenConversation: bool,
  unknownCampaign: oneOf('reject', 'default-skill', undefined),
  expiresIn: oneOf('absent', 'number', 'string'),
  appJwtLifetimeSeconds: count,
  appJwtIssuer: text,
  domainsShape: oneOf('flat', 'list'),
  unknownService: oneOf('not-found', 'no-host'),
  internalErrorCodeOn401: bool,
  sendLimit: count,
  conversationLimit: (value, path) => (value === undefined ? undefined : count(value, path)),
  answerShape: oneOf('array', 'reversed'),
  rememberedRequests: count,
}
