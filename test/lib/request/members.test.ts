import { describe, expect, test } from 'vitest'
import { MEMBERS } from '../../../lib/request/members.ts'
import { listMembers } from '../../../tools/request-schema.ts'

const rows = Object.keys(MEMBERS)
const members = [...listMembers().keys()]

describe('a member of the request schema', () => {
  test.each(members)('%s has a row in MEMBERS', (path) => {
    expect(rows).toContain(path)
  })
})

describe('a row of MEMBERS', () => {
  test.each(rows)('%s is a member of the request schema', (path) => {
    expect(members).toContain(path)
  })

  test.each(Object.entries(MEMBERS))('%s names each target once', (_, { goesTo }) => {
    expect(new Set(goesTo).size).toBe(goesTo.length)
  })

  test('is not sent only if LivePerson has no use for it', () => {
    const unsent = Object.entries(MEMBERS).filter(([, { goesTo }]) => goesTo.length === 0)
    expect(unsent.map(([path]) => path)).toEqual(['requestId', 'route'])
  })

  test('is not personal only if it says nothing about a person', () => {
    const impersonal = Object.entries(MEMBERS).filter(([, { personal }]) => !personal)
    expect(impersonal.map(([path]) => path)).toEqual([
      'requestId',
      'accountId',
      'route',
      'campaign.campaignId',
      'campaign.engagementId',
      'engagementAttributes[].type',
      'ttr',
    ])
  })
})
