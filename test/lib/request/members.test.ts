import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { MEMBERS, type PathsOf } from '../../../lib/request/members.ts'
import { listMembers } from '../../../tools/request-schema.ts'
import { wholeRequest } from '../../support/whole-request.ts'

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

describe('a leaf of the type of a request', () => {
  test('is also an object whose members are not known by name', () => {
    interface Shape {
      readonly id?: string | undefined
      readonly tags?: Record<string, string> | undefined
      readonly empty?: Record<string, never> | undefined
      readonly none?: object
      readonly list?: { readonly tags: Record<string, string>; readonly day: number }[] | undefined
    }
    const paths: Readonly<Record<PathsOf<Shape>, true>> = {
      '.id': true,
      '.tags': true,
      '.empty': true,
      '.none': true,
      '.list[].tags': true,
      '.list[].day': true,
    }
    expect(Object.keys(paths)).toHaveLength(6)
  })
})

describe('a request with every member', () => {
  const sampleOf = (schema: z.core.$ZodType) => wholeRequest(undefined, z.toJSONSchema(schema))
  const level = z.enum(['LOW', 'HIGH'])

  test('has a different value in each, even if they have the same schema', () => {
    const day = z.int().min(1).max(3)
    const sample = sampleOf(z.strictObject({ a: level, b: level, c: day, d: day, e: day }))
    expect(sample).toEqual({ a: 'LOW', b: 'HIGH', c: 1, d: 2, e: 3 })
  })

  test('is refused by the name of a member that has no value of its own', () => {
    expect(() => sampleOf(z.strictObject({ a: level, b: level, c: z.strictObject({ d: level }) }))).toThrow(
      'c.d has no value that no other member has',
    )
  })
})
