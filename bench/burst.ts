import type { World } from '../test/support/world.ts'
import { countCalls, createPlainClient, openByQueue, recordOf } from './contest.ts'
import type { Figure } from './figures.ts'

const OPENS = 1000

/** A local DynamoDB and one processor for all of it need longer than AWS does. */
const PATIENT = {
  maxAttempts: 3,
  requestHandler: { connectionTimeout: 30_000, requestTimeout: 60_000, throwOnRequestTimeout: true },
}

/**
 * What a thousand opens at once ask for in one container whose caches are empty, as the state table is. Their time is
 * left out: the local DynamoDB would decide it.
 */
export const measureBurst = async (world: World): Promise<readonly Figure[]> => {
  const { secretsManager, livePerson } = world
  // The clock stands still: a slow machine must not use up the time that calls have, and so lead to repeats.
  const startedAt = Date.now()
  const service = world.createService({ aws: PATIENT, now: () => startedAt })
  const openPlain = createPlainClient(world)
  const records = Array.from({ length: OPENS }, () => recordOf())
  const secretReads = () => secretsManager.requests('GetSecretValue')

  const readsBefore = secretReads()
  const ours = await countCalls(world, () => openByQueue(service, records))
  const reads = secretReads() - readsBefore
  const opened = livePerson.conversations().length
  const plain = await countCalls(world, () => Promise.all(records.map(() => openPlain())))

  const what = (name: string) => `${OPENS} opens at once, cold caches: ${name}`
  return [
    {
      what: what('conversations'),
      unit: 'opened',
      ours: opened,
      plain: livePerson.conversations().length - opened,
    },
    { what: what('AppJWT requests'), unit: 'calls', ours: ours.sentinel, plain: plain.sentinel },
    { what: what('Domain API requests'), unit: 'calls', ours: ours.domain, plain: plain.domain },
    { what: what('all calls to LivePerson'), unit: 'calls', ours: ours.all, plain: plain.all },
    { what: what('secret reads'), unit: 'calls', ours: reads },
  ]
}
