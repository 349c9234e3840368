import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const project = fileURLToPath(new URL('../..', import.meta.url))

async function runDemo(...flags: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, ['local/demo.ts', ...flags], {
    cwd: project,
  })
  return stdout
}

const opened = (door: string, engagementId: string, skill: object) => ({
  door,
  campaign: { campaignId: '3120045610', engagementId },
  skill,
  expectedSkill: skill,
  state: 'OPEN',
  conversationId: expect.stringMatching(/^[0-9a-f-]{36}$/),
  requestId: expect.any(String),
  upstreamCalls: expect.any(Number),
  milliseconds: expect.any(Number),
  body: [
    expect.objectContaining({ type: 'userprofile.SetUserProfile' }),
    expect.objectContaining({
      type: 'cm.ConsumerRequestConversation',
      body: expect.objectContaining({ campaignInfo: { campaignId: '3120045610', engagementId } }),
    }),
  ],
})

test('the demo opens a form and a CRM event on the skill of their campaign, even while another demo runs', async () => {
  const [json, text] = await Promise.all([runDemo('--json'), runDemo()])
  expect(JSON.parse(json.trim().split('\n').at(-1) ?? '')).toMatchObject({
    ok: true,
    domains: [{ accountId: '70123456' }, { accountId: '70999999' }],
    conversations: [
      opened('form', '3120047710', { id: 3120040010, name: 'Orders' }),
      opened('queue', '3120047711', { id: 3120040011, name: 'Upgrades' }),
    ],
  })
  expect(text).toContain('Orders (3120040010), as the campaign requires')
  expect(text).toContain('"firstName": "Søren"')
}, 60_000)
