import { loadFixture } from './liveperson/state/account.ts'

/** A campaign's engagement, by LivePerson's ids. */
export interface Campaign {
  readonly campaignId: string
  readonly engagementId: string
}

/** A skill as LivePerson has it; without an id any agent may answer. */
export interface Skill {
  readonly id: number | undefined
  readonly name: string | undefined
}

/** What became of one request. */
export interface Entry {
  readonly entry: 'form' | 'queue'
  readonly requestId: string
  readonly campaign: Campaign
  /** The skill that LivePerson routed to. */
  readonly skill: Skill
  /** The skill that the campaign manager has set for the engagement. */
  readonly expectedSkill: Skill
  readonly conversationId: string
  readonly state: string
  /** Calls that LivePerson received for it, tokens included. */
  readonly upstreamCalls: number
  /** From the submit, or from putting the event on the queue. */
  readonly milliseconds: number
  /** The CONVERSATION body that LivePerson received. */
  readonly body: readonly unknown[]
}

/** The demo's result. */
export interface Report {
  readonly ok: boolean
  /** Milliseconds that the local stack took to start. */
  readonly readyMs: number
  readonly domains: readonly {
    readonly accountId: string
    readonly hosts: Readonly<Record<string, unknown>>
  }[]
  readonly entries: readonly Entry[]
}

/** Looks up in the simulator's account what the campaign manager decided. */
export function findExpectedSkill({ campaignId, engagementId }: Campaign): Skill {
  const engagement = loadFixture()
    .flatMap(({ campaigns }) => campaigns)
    .find(({ id }) => String(id) === campaignId)
    ?.engagements.find(({ id }) => String(id) === engagementId)
  return { id: engagement?.skillId ?? undefined, name: engagement?.skillName ?? undefined }
}

/** Prints the report for a reader, or as one line of JSON. */
export function print(report: Report, { json }: { readonly json: boolean }): void {
  if (json) {
    console.log(JSON.stringify(report))
    return
  }
  console.log(`The local stack was ready after ${(report.readyMs / 1000).toFixed(1)} s.`)
  for (const { accountId, hosts } of report.domains) {
    console.log(`Domains of account ${accountId}: ${Object.keys(hosts).join(', ')}`)
  }
  for (const entry of report.entries) {
    const { skill, expectedSkill } = entry
    const verdict = skill.id === expectedSkill.id ? 'as the campaign decides' : `NOT ${expectedSkill.name}`
    console.log(`
${entry.entry === 'form' ? 'Web form' : 'CRM event'}
  requestId       ${entry.requestId}
  campaign        ${entry.campaign.campaignId}
  engagement      ${entry.campaign.engagementId}
  skill           ${skill.name ?? 'none'} (${skill.id ?? 'any'}), ${verdict}
  conversationId  ${entry.conversationId} (${entry.state})
  upstream calls  ${entry.upstreamCalls}
  time            ${entry.milliseconds} ms
  CONVERSATION body that LivePerson received:
${JSON.stringify(entry.body, undefined, 2).replaceAll(/^/gm, '    ')}`)
  }
  console.log(
    report.ok ? '\nBoth conversations are open and routed by their campaign.' : '\nThe demo FAILED.',
  )
}
