import { expect, test } from 'vitest'
import { createClientSecrets } from '../../../lib/account/client-secrets.ts'
import type { SecretStage } from '../../../lib/account/secrets.ts'

const arrange = () => {
  let time = 1_800_000_000_000
  const stored: Partial<Record<SecretStage, string>> = {}
  const reads: SecretStage[] = []
  const failures: unknown[] = []
  const broken = new Set<SecretStage>()
  const secrets = createClientSecrets({
    readSecret: async (_, stage) => {
      reads.push(stage)
      if (broken.has(stage)) throw new Error('denied')
      return stored[stage]
    },
    secretId: 'prefix/70123456',
    now: () => time,
    onFailure: (error) => failures.push(error),
  })
  const store = (stage: SecretStage, clientSecret: string) => {
    stored[stage] = JSON.stringify({ clientId: 'id', clientSecret })
  }
  return {
    ...{ stored, store, reads, failures, broken },
    fits: (secret: string) => secrets.fits((known) => known.includes(secret)),
    advance: (ms: number) => {
      time += ms
    },
  }
}

test('the current and the previous secret fit', async () => {
  const { store, fits } = arrange()
  store('AWSCURRENT', 'new')
  store('AWSPREVIOUS', 'old')
  expect(await fits('new')).toBe(true)
  expect(await fits('old')).toBe(true)
  expect(await fits('other')).toBe(false)
})

test('secrets that were replaced since the last read are read again', async () => {
  const { store, fits } = arrange()
  store('AWSCURRENT', 'first')
  expect(await fits('first')).toBe(true)
  store('AWSCURRENT', 'second')
  store('AWSPREVIOUS', 'first')
  expect(await fits('second')).toBe(true)
  expect(await fits('first')).toBe(true)
})

test('wrong signatures cause one read in ten seconds', async () => {
  const { store, fits, reads, advance } = arrange()
  store('AWSCURRENT', 'new')
  for (let times = 0; times < 50; times++) expect(await fits('wrong')).toBe(false)
  expect(reads.filter((stage) => stage === 'AWSCURRENT')).toHaveLength(2)
  advance(10_000)
  expect(await fits('wrong')).toBe(false)
  expect(reads.filter((stage) => stage === 'AWSCURRENT')).toHaveLength(3)
})

test('the current secret is enough, if the previous one can’t be read', async () => {
  const { store, fits, broken, failures } = arrange()
  store('AWSCURRENT', 'new')
  broken.add('AWSPREVIOUS')
  expect(await fits('new')).toBe(true)
  expect(failures).toHaveLength(1)
})

test('without a secret, nobody can say', async () => {
  const { fits, broken } = arrange()
  await expect(fits('new')).rejects.toThrow('The secret prefix/70123456 has no value yet.')
  broken.add('AWSCURRENT')
  await expect(fits('new')).rejects.toThrow('denied')
})
