import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findInLivePerson } from '../../../cli/routes/findings.ts'
import type { LivePersonAccount } from '../../../local/liveperson/state/account.ts'
import { startStandIns } from '../../../local/stack/stand-ins.ts'
import { runOps } from '../../support/command.ts'
import { ACCOUNT, OTHER_ACCOUNT } from '../../support/world.ts'

const BEARER = 'b3k9w2x7q1'
const PREFIX = 'campaign-conversations/test'
const CAMPAIGN = '3120045610'
const ENGAGEMENT = '3120047710'

let standIns: Awaited<ReturnType<typeof startStandIns>>
let folder: string
beforeAll(async () => {
  standIns = await startStandIns({ secretIdPrefix: PREFIX })
  Object.assign(process.env, standIns.awsEnvironment)
  folder = await mkdtemp(join(tmpdir(), 'campaign-conversations-routes-'))
})
afterAll(() => Promise.all([standIns.close(), rm(folder, { recursive: true })]))

const configure = async (routes: object, others: readonly object[] = []): Promise<string> => {
  const file = join(folder, 'stage.json')
  await writeFile(
    file,
    JSON.stringify({ accounts: [{ accountId: ACCOUNT, default: true, routes }, ...others] }),
  )
  return file
}

const toRoute = (campaignId: string, engagementId: string) => ({ campaignId, engagementId, doors: ['queue'] })

const check = async (
  routes: object,
  {
    bearer,
    args = [],
    others,
    env = {},
  }: {
    readonly bearer?: string
    readonly args?: readonly string[]
    readonly others?: readonly object[]
    readonly env?: NodeJS.ProcessEnv
  } = {},
) => {
  const { exitCode, printed, errors } = await runOps(['routes', 'check', '--json', ...args], {
    env: {
      CONFIG_FILE: await configure(routes, others),
      STATE_TABLE: 'none',
      SECRET_ID_PREFIX: PREFIX,
      LIVEPERSON_DOMAIN_API_URL: standIns.livePerson.url,
      ...(bearer !== undefined && { LIVEPERSON_USER_BEARER: bearer }),
      ...env,
    },
    now: () => Date.UTC(2026, 10, 26, 9),
  })
  return { exitCode, errors, report: printed === '' ? undefined : JSON.parse(printed) }
}

const findingsOf = async (routes: object, given: Parameters<typeof check>[1] = {}) => {
  const { report, exitCode } = await check(routes, given)
  const [{ routes: checked }] = report.accounts
  const findings = checked.flatMap((route: { findings: readonly string[] }) => route.findings)
  expect(exitCode).toBe(findings.length === 0 ? 0 : 1)
  return findings
}

describe('without a bearer, the ids are checked', () => {
  test.each<[string, object, readonly string[]]>([
    ['good ones', { help: toRoute(CAMPAIGN, ENGAGEMENT) }, []],
    [
      'a leading zero',
      { help: toRoute('0312', ENGAGEMENT) },
      ['0312 is no id of LivePerson: those are positive numbers without a leading zero'],
    ],
    ['one id twice', { help: toRoute('31', '31') }, ['the campaign and the engagement have the same id']],
    [
      'two routes with the same ids',
      { help: toRoute('31', '32'), other: toRoute('31', '32') },
      ['it has the same campaign and engagement as the route help'],
    ],
  ])('%s', async (_, routes, findings) => {
    expect(await findingsOf(routes)).toEqual(findings)
    expect(standIns.livePerson.requests()).toEqual([])
  })
})

/** Changes one campaign or engagement of the simulator while `act` runs. */
const withChange = async (
  change: { readonly campaign?: object; readonly engagement?: object },
  act: () => Promise<unknown>,
) => {
  const account: LivePersonAccount | undefined = standIns.accounts.find(
    ({ accountId }) => accountId === ACCOUNT,
  )
  const campaign = account?.campaigns.find(({ id }) => String(id) === CAMPAIGN)
  const engagement = campaign?.engagements.find(({ id }) => String(id) === ENGAGEMENT)
  if (!campaign || !engagement) throw new Error('The fixture has changed')
  const before = { campaign: { ...campaign }, engagement: { ...engagement } }
  Object.assign(campaign, change.campaign)
  Object.assign(engagement, change.engagement)
  try {
    await act()
  } finally {
    for (const name of Object.keys(change.campaign ?? {}))
      if (!(name in before.campaign)) Reflect.deleteProperty(campaign, name)
    Object.assign(campaign, before.campaign)
    Object.assign(engagement, before.engagement)
  }
}

describe('with a bearer, LivePerson says', () => {
  const route = { help: toRoute(CAMPAIGN, ENGAGEMENT) }

  test('nothing against good routes', async () => {
    const routes = { help: toRoute(CAMPAIGN, ENGAGEMENT), any: toRoute('3120045620', '3120047720') }
    const { report, exitCode } = await check(routes, { bearer: BEARER })
    expect(exitCode).toBe(0)
    expect(report).toMatchObject({ ok: true, accounts: [{ accountId: ACCOUNT, checked: true }] })
  })

  test.each<[string, object, readonly string[]]>([
    ['a campaign does not exist', toRoute('1', ENGAGEMENT), ['campaign 1 does not exist']],
    [
      'an engagement belongs to another campaign',
      toRoute('3120045620', ENGAGEMENT),
      [`engagement ${ENGAGEMENT} does not belong to campaign 3120045620`],
    ],
    ['an engagement is deleted', toRoute(CAMPAIGN, '3120047712'), ['engagement 3120047712 is deleted']],
    [
      'a campaign is not published',
      toRoute('3120045630', '3120047730'),
      ['campaign 3120045630 is not published: its status is 0'],
    ],
  ])('that %s', async (_, help, findings) => {
    expect(await findingsOf({ help }, { bearer: BEARER })).toEqual(findings)
  })

  test.each<[string, Parameters<typeof withChange>[0], string]>([
    ['a campaign is deleted', { campaign: { deleted: true } }, `campaign ${CAMPAIGN} is deleted`],
    [
      'a campaign has not started',
      { campaign: { startDate: '2026-11-26 10:30:00' } },
      `campaign ${CAMPAIGN} starts on 2026-11-26 10:30:00`,
    ],
    [
      'a campaign has expired',
      { campaign: { expirationDate: '2026-11-26 09:30:00' } },
      `campaign ${CAMPAIGN} expired on 2026-11-26 09:30:00`,
    ],
    [
      'an engagement is not enabled',
      { engagement: { enabled: false } },
      `engagement ${ENGAGEMENT} is not enabled`,
    ],
    [
      'an engagement is for chat',
      { engagement: { conversationType: 0 } },
      `engagement ${ENGAGEMENT} is not for messaging: its conversation type is 0`,
    ],
    [
      'an engagement belongs to another app installation',
      { engagement: { appInstallationId: 'another' } },
      `engagement ${ENGAGEMENT} belongs to another app installation than the account's secret`,
    ],
    [
      'the skill of an engagement does not exist',
      { engagement: { skillId: 7 } },
      `engagement ${ENGAGEMENT} has the skill 7, which does not exist`,
    ],
  ])('that %s', async (_, change, finding) => {
    await withChange(change, async () => {
      expect(await findingsOf(route, { bearer: BEARER })).toEqual([finding])
    })
    expect(await findingsOf(route, { bearer: BEARER })).toEqual([])
  })

  test('that a campaign runs now, in its own time zone', async () => {
    // It is 10:00 in Copenhagen.
    const campaign = { startDate: '2026-11-26 09:59:00', expirationDate: '2026-11-26 10:01:00' }
    await withChange({ campaign }, async () => {
      expect(await findingsOf(route, { bearer: BEARER })).toEqual([])
    })
  })

  test('nothing about app installations if the secret can not be read', async () => {
    await withChange({ engagement: { appInstallationId: 'another' } }, async () => {
      const env = { SECRET_ID_PREFIX: 'campaign-conversations/no-such' }
      expect(await findingsOf(route, { bearer: BEARER, env })).toEqual([])
    })
  })

  test('that the bearer is refused', async () => {
    const { exitCode, report } = await check(route, { bearer: 'expired' })
    expect(exitCode).toBe(1)
    expect(report.accounts).toMatchObject([
      { checked: false, problem: `LivePerson does not accept the bearer for account ${ACCOUNT}.` },
    ])
    const other = { accountId: OTHER_ACCOUNT, routes: {} }
    const both = await check(route, { bearer: BEARER, others: [other] })
    expect(both.report.accounts).toMatchObject([{ checked: true }, { checked: false }])
    const one = await check(route, {
      bearer: `Bearer ${BEARER}`,
      others: [other],
      args: ['--account', ACCOUNT],
    })
    expect(one.exitCode).toBe(0)
  })

  test('that it is down', async () => {
    standIns.livePerson.faults.add({ service: 'accountConfig', kind: 'status', status: 503, times: 9 })
    const { exitCode, report } = await check(route, { bearer: BEARER })
    standIns.livePerson.faults.clear()
    expect(exitCode).toBe(1)
    expect(report.accounts[0].problem).toContain('The campaigns API answered HTTP 503')
  })
})

test('a skill that is deleted is a finding, and a campaign that is marked in the older way', () => {
  const engagement = { id: 32, skillId: 7 }
  const campaign = { id: 31, status: 1, engagements: [engagement] }
  const route = { name: 'help', campaignId: '31', engagementId: '32' }
  const facts = { skills: [{ id: 7, deleted: true }], clientId: undefined, now: 0 }
  expect(findInLivePerson(route, { ...facts, campaign })).toEqual([
    'engagement 32 has the skill 7, which is deleted',
  ])
  const deleted = { ...campaign, isDeleted: true }
  expect(findInLivePerson(route, { ...facts, skills: [{ id: 7 }], campaign: deleted })).toEqual([
    'campaign 31 is deleted',
  ])
})

test('an account that the stage does not have is refused', async () => {
  const { exitCode, errors } = await check({}, { args: ['--account', '70000000'] })
  expect([exitCode, errors]).toEqual([2, expect.stringContaining('Account 70000000 is not in this stage.')])
})
