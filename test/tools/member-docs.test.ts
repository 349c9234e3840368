import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { MEMBERS } from '../../lib/request/members.ts'
import { withMemberTable } from '../../tools/member-docs.ts'

const page = readFileSync(new URL('../../docs/form-api.md', import.meta.url), 'utf8')
const written = withMemberTable('# Page\n\n<!-- members:start -->\nold\n<!-- members:end -->\n\nEnd\n')

test('the member table of docs/form-api.md is what `npm run docs:members` writes', () => {
  expect(page).toBe(withMemberTable(page))
})

test.each(Object.keys(MEMBERS))('%s has a row', (path) => {
  expect(written.split('\n').filter((line) => line.startsWith(`| \`${path}\` |`))).toHaveLength(1)
})

describe('the table', () => {
  test.each([
    ['a pattern', '| `route` | string matching `^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$` | not sent | no |'],
    [
      'two types',
      '| `campaign.campaignId` | string matching `^[0-9]{1,19}$`, or integer, at least 0 | conversation | no |',
    ],
    [
      'two places',
      '| `consumer.firstName` | string, at most 256 characters | profile, engagement attributes (from the CRM) | yes |',
    ],
    [
      'a pattern and a limit',
      '| `consumer.avatarUrl` | string matching `^https://([A-Za-z0-9-]+\\.)+[A-Za-z][A-Za-z0-9-]*(:\\d{1,5})?([/?#]\\S*)?$`, at most 2048 characters | profile | yes |',
    ],
    [
      'a type per item',
      '| `engagementAttributes[].type` | `ctmrinfo`, `personal` | engagement attributes | no |',
    ],
    ['a number', '| `engagementAttributes[].info.balance` | number | engagement attributes | yes |'],
    [
      'an integer',
      '| `engagementAttributes[].info.customerId` | string, at most 4096 characters, or integer | engagement attributes | yes |',
    ],
    [
      'a range',
      '| `engagementAttributes[].personal.age.month` | integer, 1 to 12 | engagement attributes | yes |',
    ],
    [
      'values of two types',
      '| `engagementAttributes[].personal.gender` | `MALE`, `FEMALE`, `OTHER`, `0`, `1`, `2` | engagement attributes | yes |',
    ],
    [
      'a least length',
      '| `consumer.id` | string, 1 to 256 characters, or integer | external consumer id | yes |',
    ],
  ])('shows %s', (_, row) => {
    expect(written.split('\n')).toContain(row)
  })

  test('leaves the rest of the page alone', () => {
    expect(written.startsWith('# Page\n\n<!-- members:start -->\n\n')).toBe(true)
    expect(written.endsWith(' |\n\n<!-- members:end -->\n\nEnd\n')).toBe(true)
    expect(withMemberTable(written)).toBe(written)
  })

  test.each(['', '<!-- members:start -->', '<!-- members:end --><!-- members:start -->'])(
    'needs both markers, in order: %j',
    (text) => {
      expect(() => withMemberTable(text)).toThrow('The page must contain <!-- members:start -->')
    },
  )
})
