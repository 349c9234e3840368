import { expect, test } from 'vitest'
import { UsageError } from '../../cli/commands/command.ts'
import { findStage } from '../../cli/settings.ts'

test('a stage decides everything else', () => {
  expect(findStage({ stage: 'dev' }, {})).toEqual({
    stage: 'dev',
    region: 'eu-west-1',
    environment: {
      CONFIG_FILE: 'config/dev.json',
      SECRET_ID_PREFIX: 'campaign-conversations/dev',
      STATE_TABLE: 'campaign-conversations-dev-state',
      LIVEPERSON_DOMAIN_API_URL: undefined,
      EVENTS_QUEUE_URL: 'none',
      HANDOVER_QUEUE_URL: 'none',
      QUARANTINE_QUEUE_URL: 'none',
    },
    stages: ['dev', 'local'],
  })
})

test('a flag overrides a variable, which overrides the stage', () => {
  const env = { CONFIG_FILE: 'variable.json', STATE_TABLE: 'variable', AWS_REGION: 'eu-north-1' }
  expect(findStage({ stage: 'dev', 'state-table': 'flag' }, env)).toMatchObject({
    region: 'eu-north-1',
    environment: {
      CONFIG_FILE: 'variable.json',
      STATE_TABLE: 'flag',
      SECRET_ID_PREFIX: 'campaign-conversations/dev',
    },
  })
})

test('no stage is needed if everything that it decides is set', () => {
  const env = { CONFIG_FILE: 'a.json', SECRET_ID_PREFIX: 'b', STATE_TABLE: 'c' }
  expect(findStage({}, env)).toMatchObject({ stage: '', environment: env })
})

test('a missing stage is a wrong argument', () => {
  expect(() => findStage({}, {})).toThrow(UsageError)
})
