import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { readConfig, readOutcomesConfig } from '../../../lib/config/environment.ts'
import { InvalidConfigError } from '../../../lib/errors/errors.ts'

const folder = mkdtempSync(join(tmpdir(), 'campaign-conversations-config-'))
afterAll(() => rmSync(folder, { recursive: true }))

const file = (name: string, content: string): string => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}
const environment = (members: Readonly<Record<string, string | undefined>> = {}) => ({
  SECRET_ID_PREFIX: 'campaign-conversations/dev',
  STATE_TABLE: 'state',
  EVENTS_QUEUE_URL: 'https://sqs.eu-west-1.amazonaws.com/1/events',
  HANDOVER_QUEUE_URL: 'https://sqs.eu-west-1.amazonaws.com/1/hand-over',
  QUARANTINE_QUEUE_URL: 'https://sqs.eu-west-1.amazonaws.com/1/quarantine',
  CONFIG_FILE: file('good.json', '{"accounts":[{"accountId":"70123456"}]}'),
  ...members,
})
const refusal = (members: Readonly<Record<string, string | undefined>>): string => {
  try {
    readConfig(environment(members))
  } catch (error) {
    if (error instanceof InvalidConfigError) return error.message
    throw error
  }
  return 'accepted'
}

describe('readConfig', () => {
  test('fills in the defaults', () => {
    expect(readConfig(environment())).toMatchObject({
      domainApiUrl: 'https://api.liveperson.net',
      loopback: false,
      formDeadlineMs: 6000,
      secretIdPrefix: 'campaign-conversations/dev',
      stateTable: 'state',
      eventsQueueUrl: 'https://sqs.eu-west-1.amazonaws.com/1/events',
      handOverQueueUrl: 'https://sqs.eu-west-1.amazonaws.com/1/hand-over',
      quarantineQueueUrl: 'https://sqs.eu-west-1.amazonaws.com/1/quarantine',
      stage: { accounts: [{ accountId: '70123456' }], giveUpAfterHours: 72 },
    })
  })

  test('allows hosts on this machine only if the Domain API is on it', () => {
    const read = (url: string) => readConfig(environment({ LIVEPERSON_DOMAIN_API_URL: url }))
    expect(read('http://127.0.0.1:4570/')).toMatchObject({
      loopback: true,
      domainApiUrl: 'http://127.0.0.1:4570',
    })
    expect(read('http://localhost:4570').loopback).toBe(true)
    expect(read('https://api.liveperson.com').loopback).toBe(false)
  })

  test('reads the header of a CDN, and the hashes of its secret', () => {
    const [one, two] = ['a'.repeat(64), '0123456789abcdef'.repeat(4)]
    const read = (EDGE_SECRET_SHA256: string) =>
      readConfig(environment({ EDGE_HEADER: 'x-edge-secret', EDGE_SECRET_SHA256 })).edge
    expect(read(one)).toEqual({ header: 'x-edge-secret', secretHashes: [one] })
    expect(read(`${one},${two}`)).toEqual({ header: 'x-edge-secret', secretHashes: [one, two] })
    expect(readConfig(environment({ EDGE_HEADER: '', EDGE_SECRET_SHA256: '' })).edge).toBeUndefined()
    expect(readConfig(environment()).edge).toBeUndefined()
  })

  test('lists every missing variable', () => {
    try {
      readConfig({})
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(InvalidConfigError)
      expect(String(error)).toContain(
        'Environment: SECRET_ID_PREFIX is not set; STATE_TABLE is not set; EVENTS_QUEUE_URL is not set;' +
          ' HANDOVER_QUEUE_URL is not set; QUARANTINE_QUEUE_URL is not set; CONFIG_FILE is not set.',
      )
    }
  })

  test.each<[string, Readonly<Record<string, string | undefined>>, string]>([
    ['an empty variable', { STATE_TABLE: '' }, 'STATE_TABLE is empty'],
    ['an invalid URL', { LIVEPERSON_DOMAIN_API_URL: 'api' }, 'LIVEPERSON_DOMAIN_API_URL must be a URL'],
    [
      'an http URL',
      { LIVEPERSON_DOMAIN_API_URL: 'http://api.liveperson.net' },
      'LIVEPERSON_DOMAIN_API_URL must be',
    ],
    [
      'a host that is not LivePerson’s',
      { LIVEPERSON_DOMAIN_API_URL: 'https://api.liveperson.net.evil.example' },
      'LIVEPERSON_DOMAIN_API_URL must be',
    ],
    [
      'a URL with a user',
      { LIVEPERSON_DOMAIN_API_URL: 'https://x@api.liveperson.net' },
      'LIVEPERSON_DOMAIN_API_URL must be',
    ],
    ['an empty hand-over queue', { HANDOVER_QUEUE_URL: '' }, 'HANDOVER_QUEUE_URL is empty'],
    ['a deadline of 0', { FORM_DEADLINE_MS: '0' }, 'FORM_DEADLINE_MS must be 100 to 99999'],
    ['a deadline with a unit', { FORM_DEADLINE_MS: '6s' }, 'FORM_DEADLINE_MS must be 100 to 99999'],
    [
      'a header in upper case',
      { EDGE_HEADER: 'X-Edge', EDGE_SECRET_SHA256: 'a'.repeat(64) },
      'EDGE_HEADER must be the lower-case name of a header',
    ],
    [
      'a secret instead of its hash',
      { EDGE_HEADER: 'x-edge', EDGE_SECRET_SHA256: 'secret' },
      'EDGE_SECRET_SHA256 must be one or two SHA-256 hashes',
    ],
    ['a header without a secret', { EDGE_HEADER: 'x-edge' }, 'must be set together'],
    ['a secret without a header', { EDGE_SECRET_SHA256: 'a'.repeat(64) }, 'must be set together'],
    ['a missing file', { CONFIG_FILE: 'config/none.json' }, 'CONFIG_FILE is config/none.json'],
    ['a folder', { CONFIG_FILE: folder }, "which can't be read"],
    ['a file that is not JSON', { CONFIG_FILE: file('no.json', 'accounts:') }, 'is not valid JSON'],
    ['a file with a duplicate key', { CONFIG_FILE: file('twice.json', '{"a":1,"a":2}') }, 'a duplicate key'],
    ['an invalid file', { CONFIG_FILE: file('wrong.json', '{"accounts":[]}') }, 'accounts must have'],
  ])('refuses %s', (_, members, message) => {
    expect(refusal(members)).toContain(message)
  })

  test('never quotes the file', () => {
    expect(refusal({ CONFIG_FILE: file('secret.json', '{"a": secret-words') })).not.toContain('secret-words')
  })

  test('any values are accepted or refused with an InvalidConfigError', () => {
    const value = fc.option(fc.oneof(fc.string(), fc.webUrl(), fc.nat().map(String)), { nil: undefined })
    const names = ['LIVEPERSON_DOMAIN_API_URL', 'STATE_TABLE', 'FORM_DEADLINE_MS', 'SECRET_ID_PREFIX']
    const members = fc
      .tuple(...names.map(() => value))
      .map((values) => Object.fromEntries(names.map((name, index) => [name, values[index]])))
    fc.assert(fc.property(members, (given) => void refusal(given)))
  })
})

describe('readOutcomesConfig', () => {
  test('returns the bus, and needs no stage file', () => {
    expect(readOutcomesConfig({ OUTCOME_BUS: 'outcomes' })).toEqual({ eventBus: 'outcomes' })
  })

  test.each([{}, { OUTCOME_BUS: '' }])('refuses %j', (env) => {
    expect(() => readOutcomesConfig(env)).toThrow(InvalidConfigError)
    expect(() => readOutcomesConfig(env)).toThrow('OUTCOME_BUS is not set')
  })
})
