import { afterAll, beforeEach, expect, test } from 'vitest'
import { account, call, member, startClient } from '../client.ts'

const { liveperson, host } = await startClient()
afterAll(() => liveperson.close())
beforeEach(() => liveperson.reset())

const BEARER = 'b3k9w2x7q1'

const get = async (path: string, bearer = BEARER, method = 'GET') =>
  call(
    `http://${new URL(await host('accountConfigReadOnly')).host}/api/account/${account}/configuration/${path}`,
    {
      method,
      headers: { authorization: `Bearer ${bearer}` },
    },
  )

test('a campaign has its engagements', async () => {
  const { status, json, headers } = await get('le-campaigns/campaigns/3120045610?v=3.4')
  expect(status).toBe(200)
  expect(headers.get('ac-revision')).toBe('1')
  expect(json).toMatchObject({ id: 3120045610, status: 1, deleted: false })
  expect(member(json, 'engagements')).toHaveLength(3)
})

test('an engagement is found in its campaign only', async () => {
  const { json } = await get('le-campaigns/campaigns/3120045610/engagements/3120047711?v=3.4')
  expect(json).toMatchObject({ id: 3120047711, conversationType: 1, skillId: 3120040011 })
  expect((await get('le-campaigns/campaigns/3120045620/engagements/3120047711?v=3.4')).status).toBe(404)
})

test('campaigns and skills are listed', async () => {
  expect((await get('le-campaigns/campaigns?v=3.4')).json).toHaveLength(3)
  expect((await get('le-campaigns/campaigns/3120045620/engagements?v=3.4')).json).toHaveLength(1)
  expect((await get('le-users/skills?v=1')).json).toContainEqual({
    id: 3120040010,
    name: 'Orders',
    deleted: false,
  })
  expect(liveperson.counts().accountConfig).toBe(3)
})

test.each([
  ['the bearer of nobody', 'le-campaigns/campaigns?v=3.4', 401, { bearer: 'other' }],
  ['the bearer of another account', 'le-campaigns/campaigns?v=3.4', 401, { bearer: 'n8d4t6v0y5' }],
  ['an unknown campaign', 'le-campaigns/campaigns/1?v=3.4', 404, {}],
  ['another version', 'le-campaigns/campaigns?v=3.3', 400, {}],
  ['another resource', 'le-campaigns/goals?v=3.4', 404, {}],
  ['another part of a campaign', 'le-campaigns/campaigns/3120045610/goals?v=3.4', 404, {}],
  ['a change', 'le-campaigns/campaigns?v=3.4', 405, { method: 'POST' }],
])(
  '%s is refused',
  async (_, path, status, { bearer = BEARER, method = 'GET' }: { bearer?: string; method?: string }) => {
    expect((await get(path, bearer, method)).status).toBe(status)
  },
)
