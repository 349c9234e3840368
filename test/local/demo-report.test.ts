import { expect, test } from 'vitest'
import { findExpectedSkill } from '../../local/demo-report.ts'

test.each([
  ['with a skill', '3120047710', { id: 3120040010, name: 'Orders' }],
  ['that does not exist', '1', { id: undefined, name: undefined }],
])('the expected skill of an engagement %s is found', (_, engagementId, skill) => {
  expect(findExpectedSkill({ campaignId: '3120045610', engagementId })).toEqual(skill)
})
