import { type Answer, json } from '../http/answer.ts'
import type { ReceivedRequest } from '../http/request.ts'
import type { LivePersonAccount } from '../state/account.ts'
import type { State } from '../state/state.ts'

/**
 * Answers the account configuration API: campaigns, with their engagements, and skills. It needs the bearer
 * of a LivePerson user. Without a filter, deleted campaigns and engagements are returned, too, as the API
 * does for one that is named by its id.
 *
 * LivePerson documents only the skills. The campaigns are as its clients use them.
 *
 * @see https://developers.liveperson.com/skills-api-methods-get-all-skills.html
 */
export const answerAccountConfig = (
  state: State,
  { accountId = '', ...request }: ReceivedRequest,
): Answer => {
  const [path = '', query] = request.path.split('?')
  const account = state.accounts.get(accountId)
  const bearer = account?.userBearer
  if (request.method !== 'GET') return json(405, { error: 'Method not allowed' })
  if (!account || bearer === undefined || request.headers.authorization !== `Bearer ${bearer}`)
    return json(401, { error: 'unauthorized' })
  const [, resource = ''] = path.split('/configuration/')
  if (resource === 'le-users/skills') return ok(account.skills.map((skill) => ({ ...skill, deleted: false })))
  if (new URLSearchParams(query).get('v') !== '3.4') return json(400, { error: 'v must be 3.4' })
  return answerCampaigns(account, resource.split('/'))
}

const answerCampaigns = (
  { campaigns }: LivePersonAccount,
  [family, list, campaignId, part, engagementId, more]: readonly string[],
): Answer => {
  if (family !== 'le-campaigns' || list !== 'campaigns' || more !== undefined) return notFound
  if (campaignId === undefined)
    return ok(
      campaigns.filter(({ deleted }) => !deleted).map(({ id, name, status }) => ({ id, name, status })),
    )
  const campaign = campaigns.find(({ id }) => String(id) === campaignId)
  if (!campaign) return notFound
  if (part === undefined) return ok(campaign)
  if (part !== 'engagements') return notFound
  if (engagementId === undefined) return ok(campaign.engagements)
  const engagement = campaign.engagements.find(({ id }) => String(id) === engagementId)
  return engagement ? ok(engagement) : notFound
}

const ok = (value: unknown): Answer => {
  const answer = json(200, value)
  return { ...answer, headers: { ...answer.headers, 'ac-revision': '1' } }
}

const notFound = json(404, { error: 'Not found' })
