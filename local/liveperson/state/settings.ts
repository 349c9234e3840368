import { boolean, type Check, must, object, oneOf, text } from '../json/check.ts'
import { isObject } from '../json/value.ts'
import type { RateLimit } from './rate-limit.ts'

/** Strict refuses what LivePerson doesn't document. Lenient accepts it and routes to the default skill. */
export type Mode = 'strict' | 'lenient'

/** Switches for behaviour that LivePerson's public documentation leaves open. They can change at any time. */
export interface Settings {
  mode: Mode
  /** HTTP status of a CONVERSATION answer with a failed element. The 2019 guide says 400. Default 400. */
  failingElementStatus: 400 | 200
  /** Whether a consumer may have only one open conversation. Default true. */
  oneOpenConversation: boolean
  /**
   * For an unknown, deleted or unpublished campaign, engagement or skill. Default undefined: only strict
   * rejects.
   */
  unknownCampaign: 'reject' | 'default-skill' | undefined
  /**
   * For a `lang` that isn't the engagement's. LivePerson says that the language must be configured there, but
   * its own demo client sends en-US with every engagement. Default accept, in both modes.
   */
  unknownLanguage: 'accept' | 'reject'
  /** The form of `expires_in` in Sentinel's answer. V1 documents none. Default absent. */
  expiresIn: 'absent' | 'number' | 'string'
  /** Lifetime of an AppJWT. Default 3600. */
  appJwtLifetimeSeconds: number
  /** `iss` of new AppJWTs. The Send API answers 40001 to any other than Sentinel. Default Sentinel. */
  appJwtIssuer: string
  /**
   * The Domain API's answer for one service: an object, or the `baseURIs` list of the reference page. Default
   * flat.
   */
  domainsShape: 'flat' | 'list'
  /** The Domain API's answer for an unknown service: 404, or 200 without a host. Default not-found. */
  unknownService: 'not-found' | 'no-host'
  /**
   * Whether the IDP answers a bad AppJWT with 500 `{"internalErrorCode":"9007"}` instead of 401. Default
   * false.
   */
  internalErrorCodeOn401: boolean
  /** Maximum length of a SEND body, in characters. Default 5000. */
  sendLimit: number
  /** Maximum length of a CONVERSATION body, in characters. Default undefined: no limit. */
  conversationLimit: number | undefined
  /** How many CONVERSATION requests of an account are accepted. Others get 429. Default undefined: all. */
  createLimit: RateLimit | undefined
  /** Order of a CONVERSATION answer's elements. Default array: the order of the request. */
  answerShape: 'array' | 'reversed'
  /** The base address of the API whose webhook gets pushes. Default undefined: none are sent. */
  pushUrl: string | undefined
  /** The hash function of a push's signature. Default sha1. */
  pushHash: 'sha1' | 'sha256'
  /** Whether a push names the campaign. No page documents that it does. Default false. */
  pushCampaign: boolean
  /** How many times each push is sent. LivePerson documents duplicates. Default 1. */
  pushCopies: number
  /** The longest random delay of a push, in milliseconds, so that they overtake each other. Default 0. */
  pushDisorderMs: number
  /** Maximum number of recorded requests. When it is reached, the older half is dropped. Default 100000. */
  rememberedRequests: number
}

/** Returns a simulator's initial settings. */
export const defaultSettings = (mode: Mode): Settings => ({
  mode,
  failingElementStatus: 400,
  oneOpenConversation: true,
  unknownCampaign: undefined,
  unknownLanguage: 'accept',
  expiresIn: 'absent',
  appJwtLifetimeSeconds: 3600,
  appJwtIssuer: 'Sentinel',
  domainsShape: 'flat',
  unknownService: 'not-found',
  internalErrorCodeOn401: false,
  sendLimit: 5000,
  conversationLimit: undefined,
  createLimit: undefined,
  answerShape: 'array',
  pushUrl: undefined,
  pushHash: 'sha1',
  pushCampaign: false,
  pushCopies: 1,
  pushDisorderMs: 0,
  rememberedRequests: 100_000,
})

/**
 * Applies changes from JSON, in which null stands for `undefined`.
 *
 * @returns What is wrong with the changes. In that case none is applied.
 */
export const changeSettings = (settings: Settings, changes: unknown): string | undefined => {
  if (!isObject(changes)) return 'settings must be an object'
  const next: Record<string, unknown> = {}
  for (const [name, given] of Object.entries(changes)) {
    const value = given ?? undefined
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined
    const problem = check === undefined ? `settings.${name} is unknown` : check(value, `settings.${name}`)
    if (problem !== undefined) return problem
    next[name] = value
  }
  Object.assign(settings, next)
  return undefined
}

const count = must('a positive integer', (value) => Number.isInteger(value) && Number(value) > 0)

const positive = must('a positive number', (value) => typeof value === 'number' && value > 0)

const notNegative = must(
  'a whole number of 0 or more',
  (value) => Number.isInteger(value) && Number(value) >= 0,
)

const rateLimit = object(
  { perSecond: positive, burst: count, retryAfter: positive },
  { required: ['perSecond', 'burst'], closed: true },
)

const checks: Readonly<Record<string, Check>> = {
  mode: oneOf('strict', 'lenient'),
  failingElementStatus: oneOf(400, 200),
  oneOpenConversation: boolean,
  unknownCampaign: oneOf('reject', 'default-skill', undefined),
  unknownLanguage: oneOf('accept', 'reject'),
  expiresIn: oneOf('absent', 'number', 'string'),
  appJwtLifetimeSeconds: count,
  appJwtIssuer: text,
  domainsShape: oneOf('flat', 'list'),
  unknownService: oneOf('not-found', 'no-host'),
  internalErrorCodeOn401: boolean,
  sendLimit: count,
  conversationLimit: (value, path) => (value === undefined ? undefined : count(value, path)),
  createLimit: (value, path) => (value === undefined ? undefined : rateLimit(value, path)),
  answerShape: oneOf('array', 'reversed'),
  pushUrl: (value, path) => (value === undefined ? undefined : text(value, path)),
  pushHash: oneOf('sha1', 'sha256'),
  pushCampaign: boolean,
  pushCopies: count,
  pushDisorderMs: notNegative,
  rememberedRequests: count,
} satisfies Record<keyof Settings, Check>
