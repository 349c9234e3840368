import * as z from 'zod'
import { LivePersonUnavailableError } from '../../lib/errors/errors.ts'
import { toOrigin } from '../../lib/liveperson/hosts.ts'
import { describeAnswer, type Http } from '../../lib/liveperson/http.ts'
import { parseLenientJson } from '../../lib/request/lenient-json.ts'

const engagementShape = z.object({
  id: z.number(),
  enabled: z.boolean().optional(),
  deleted: z.boolean().optional(),
  conversationType: z.number().optional(),
  appInstallationId: z.string().nullish(),
  skillId: z.number().nullish(),
})

const campaignShape = z.object({
  id: z.number(),
  status: z.number(),
  deleted: z.boolean().optional(),
  isDeleted: z.boolean().optional(),
  startDate: z.string().nullish(),
  expirationDate: z.string().nullish(),
  timeZone: z.string().nullish(),
  engagements: z.array(engagementShape).default([]),
})

const skillsShape = z.array(z.object({ id: z.number(), deleted: z.boolean().optional() }))

/** A campaign, as far as a route needs it. */
export type Campaign = z.infer<typeof campaignShape>

/** The skills of an account. */
export type Skills = z.infer<typeof skillsShape>

/** A LivePerson user's access to the configuration of one account. */
export interface ConfigAccess {
  readonly http: Http
  readonly domainApiUrl: string
  readonly accountId: string
  /** The user's bearer, without `Bearer `. */
  readonly bearer: string
  readonly loopback: boolean
}

/** LivePerson doesn't accept the bearer for this account. */
export class BearerRefusedError extends Error {}

/** Returns the operations of LivePerson's account configuration API that a check of routes needs. */
export const openAccountConfig = async (access: ConfigAccess) => {
  const { http, accountId, bearer } = access
  const origin = await findOrigin(access)
  const get = async (path: string): Promise<unknown> => {
    const answer = await http({
      method: 'GET',
      url: `${origin}/api/account/${accountId}/configuration/${path}`,
      headers: { authorization: `Bearer ${bearer}`, accept: 'application/json' },
      deadline: Date.now() + TIMEOUT_MS,
      repeatable: true,
    })
    if (answer.status === 404) return undefined
    if (answer.status === 401 || answer.status === 403)
      throw new BearerRefusedError(`LivePerson does not accept the bearer for account ${accountId}.`)
    if (answer.status !== 200) throw unusable(`The campaigns API answered ${describeAnswer(answer)}.`)
    return parseLenientJson(answer.body)
  }
  return {
    /**
     * Returns a campaign. Undefined: there is none. @throws {BearerRefusedError | LivePersonUnavailableError}
     */
    campaign: async (campaignId: string): Promise<Campaign | undefined> => {
      const found = await get(`le-campaigns/campaigns/${campaignId}?v=3.4`)
      return found === undefined ? undefined : read(campaignShape, found, 'a campaign')
    },
    /** Returns the account's skills. @throws {BearerRefusedError | LivePersonUnavailableError} */
    skills: async (): Promise<Skills> =>
      read(skillsShape, (await get('le-users/skills?v=2.0')) ?? [], 'the skills'),
  }
}

const TIMEOUT_MS = 10_000

const domainShape = z.object({ baseURI: z.string() })

const findOrigin = async ({ http, domainApiUrl, accountId, loopback }: ConfigAccess): Promise<string> => {
  const answer = await http({
    method: 'GET',
    url: `${domainApiUrl}/api/account/${accountId}/service/accountConfigReadOnly/baseURI.json?version=1.0`,
    deadline: Date.now() + TIMEOUT_MS,
    repeatable: true,
  })
  const { baseURI } = domainShape.safeParse(parseLenientJson(answer.body)).data ?? {}
  const origin = toOrigin(baseURI, loopback)
  if (answer.status === 200 && origin !== undefined) return origin
  throw unusable(
    `The Domain API named no host of LivePerson for accountConfigReadOnly of account ${accountId}.`,
  )
}

const read = <T>(shape: z.ZodType<T>, value: unknown, what: string): T => {
  const result = shape.safeParse(value)
  if (result.success) return result.data
  throw unusable(`The campaigns API answered ${what} in another shape.`)
}

const unusable = (detail: string) => new LivePersonUnavailableError({ detail, mayHaveExecuted: false })
