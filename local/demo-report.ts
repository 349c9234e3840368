import { loadFixture } from './liveperson/state/account.ts'

/** An engagement of a campaign, by LivePerson's ids. */
export interface Campaign {
  readonly campaignId: string
  readonly engagementId: string
}

/** A LivePerson skill. Without an id, any agent may answer. */
export interface Skill {
  readonly id: number | undefined
  readonly name: string | undefined
}

/** A conversation that the demo has opened. */
export interface OpenedConversation {
  readonly door: 'form' | 'queue'
  readonly requestId: string
  readonly campaign: Campaign
  /** The skill that LivePerson routed to. */
  readonly skill: Skill
  /** The engagement's skill. */
  readonly expectedSkill: Skill
  readonly conversationId: string
  readonly state: string
  /** Number of calls that LivePerson received for this request, those for tokens included. */
  readonly upstreamCalls: number
  /** Time since the form was submitted or the event was sent. */
  readonly milliseconds: number
  /** The CONVERSATION body that LivePerson received. */
  readonly body: readonly unknown[]
}

/** The result of the demo. */
export interface Report {
  readonly ok: boolean
  /** Time that the local stack took to start. */
  readonly readyMs: number
  readonly domains: readonly {
    readonly accountId: string
    readonly hosts: Readonly<Record<string, unknown>>
  }[]
  readonly conversations: readonly OpenedConversation[]
}

/** Returns the skill of an engagement in the simulator's accounts. */
export function findExpectedSkill({ campaignId, engagementId }: Campaign): Skill {
  const engagement = loadFixture()
    .flatMap(({ campaigns }) => campaigns)
    .find(({ id }) => String(id) === campaignId)
    ?.engagements.find(({ id }) => String(id) === engagementId)
  return { id: engagement?.skillId ?? undefined, name: engagement?.skillName ?? undefined }
}

/** Prints the report as text, or with `json` as one line of JSON. */
export function print(report: Report, { json }: { readonly json: boolean }): void {
  if (json) {
    console.log(JSON.stringify(report))
    return
  }
  console.log(`The local stack started in ${(report.readyMs / 1000).toFixed(1)} s.`)
  for (const { accountId, hosts } of report.domains) {
    console.log(`Domains of account ${accountId}: ${Object.keys(hosts).join(', ')}`)
  }
  for (const opened of report.conversations) {
    const { skill, expectedSkill } = opened
    const verdict =
      skill.id === expectedSkill.id ? 'as the campaign requires' : `but should be ${expectedSkill.name}`
    console.log(`
${opened.door === 'form' ? 'Web form' : 'CRM event'}
  requestId       ${opened.requestId}
  campaign        ${opened.campaign.campaignId}
  engagement      ${opened.campaign.engagementId}
  skill           ${skill.name ?? 'none'} (${skill.id ?? 'any'}), ${verdict}
  conversationId  ${opened.conversationId} (${opened.state})
  upstream calls  ${opened.upstreamCalls}
  time            ${opened.milliseconds} ms
  CONVERSATION body that LivePerson received:
${JSON.stringify(opened.body, undefined, 2).replaceAll(/^/gm, '    ')}`)
  }
  console.log(
    report.ok
      ? '\nBoth conversations are open and on the skill that their campaign requires.'
      : '\nThe demo FAILED.',
  )
}
