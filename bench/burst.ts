import { type AwsOptions, awsOptions } from '../lib/aws/options.ts'
import { countCalls, createPlainClient, openByQueue, toEvent } from './contest.ts'
import type { Figure } from './figures.ts'
import type { World } from './world.ts'

const OPENS = 1000

/** Longer timeouts than the functions have: the local DynamoDB shares one processor with everything else. */
const PATIENT: AwsOptions = { ...awsOptions, connectTimeoutMs: 30_000, timeoutMs: 60_000 }

/**
 * Counts the calls for a thousand concurrent opens in one container, with empty caches and an empty state
 * table. It doesn't measure their time, which would mostly be the local DynamoDB's.
 */
export const measureBurst = async (world: World): Promise<readonly Figure[]> => {
  const { secretsManager, livePerson } = world
  // The clock is stopped, so that no deadline passes on a slow machine and causes retries.
  const startedAt = Date.now()
  const container = world.createContainer({ aws: PATIENT, now: () => startedAt })
  const openPlain = createPlainClient(world)
  const events = Array.from({ length: OPENS }, () => toEvent())
  const secretReads = () => secretsManager.requests('GetSecretValue')

  const readsBefore = secretReads()
  const ours = await countCalls(world, () => openByQueue(container, events))
  const reads = secretReads() - readsBefore
  const opened = livePerson.conversations().length
  const plain = await countCalls(world, () => Promise.all(events.map(() => openPlain())))

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
