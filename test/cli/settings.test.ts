import { expect, test } from 'vitest'
import { HELP, readSettings } from '../../cli/settings.ts'

test('a stage decides everything else', () => {
  expect(readSettings(['--stage', 'dev'], {})).toEqual({
    stage: 'dev',
    accountId: undefined,
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
    json: false,
  })
})

test('a flag overrides a variable, which overrides the stage', () => {
  const env = { CONFIG_FILE: 'variable.json', STATE_TABLE: 'variable', AWS_REGION: 'eu-north-1' }
  const flags = ['--stage', 'dev', '--state-table', 'flag', '--account', '70123456', '--json']
  expect(readSettings(flags, env)).toMatchObject({
    accountId: '70123456',
    region: 'eu-north-1',
    environment: {
      CONFIG_FILE: 'variable.json',
      STATE_TABLE: 'flag',
      SECRET_ID_PREFIX: 'campaign-conversations/dev',
    },
    json: true,
  })
})

test('no stage is needed if everything that it decides is set', () => {
  const env = { CONFIG_FILE: 'a.json', SECRET_ID_PREFIX: 'b', STATE_TABLE: 'c' }
  expect(readSettings([], env)).toMatchObject({ stage: '', environment: env })
})

test.each([
  ['an unknown flag', ['--stag', 'dev'], '--stag'],
  ['a missing stage', [], 'Set --stage'],
])('%s is refused', (_, args, message) => {
  expect(() => readSettings(args, {})).toThrow(message)
})

test.each(['--help', '-h'])('%s asks for the help, which names every flag', (flag) => {
  expect(readSettings([flag], {})).toBe('help')
  for (const name of ['--stage', '--account', '--region', '--config-file', '--state-table', '--json'])
    expect(HELP).toContain(name)
})
