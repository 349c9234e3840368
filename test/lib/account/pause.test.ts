import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createPauseSwitch, readPause, setPaused } from '../../../lib/account/pause.ts'
import type { StateTable } from '../../../lib/aws/state-table.ts'
import { ServiceUnavailableError } from '../../../lib/errors/errors.ts'
import { startDynamoDb } from '../../../local/aws/dynamodb.ts'
import { createPatientTable } from '../../support/aws-endpoint.ts'

const START = 1_800_000_000_000
const SECOND = 1000

let dynamoDb: Awaited<ReturnType<typeof startDynamoDb>>
let table: StateTable

beforeAll(async () => {
  dynamoDb = await startDynamoDb()
  Object.assign(process.env, {
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.url,
  })
  table = createPatientTable(dynamoDb.stateTable)
})
afterAll(() => dynamoDb.close())

let serial = 0

/** The switch of one container. Each test has its own account. */
const arrange = () => {
  const accountId = `account${++serial}`
  let time = START
  let reads = 0
  let isDown = false
  const onFailed = vi.fn()
  const pause = createPauseSwitch({
    table: {
      ...table,
      get: async (pk) => {
        reads += 1
        if (isDown) throw new ServiceUnavailableError({ detail: 'The table is down.' })
        return table.get(pk)
      },
    },
    accountId,
    now: () => time,
    onFailed,
  })
  return {
    ...pause,
    accountId,
    onFailed,
    reads: () => reads,
    advance: (ms: number) => {
      time += ms
    },
    setDown: (down: boolean) => {
      isDown = down
    },
    flip: (paused: boolean) => setPaused(table, accountId, paused, time),
  }
}

describe('in a container, the switch', () => {
  test('of an account without one is off, and is read once', async () => {
    const { isPaused, load, reads } = arrange()
    await load()
    expect(await Promise.all([isPaused(), isPaused()])).toEqual([false, false])
    expect(reads()).toBe(1)
  })

  test('is read before its first use', async () => {
    const { isPaused, flip } = arrange()
    await flip(true)
    expect(await isPaused()).toBe(true)
  })

  test('is renewed after 20 s without delaying a call', async () => {
    const { isPaused, flip, advance, reads } = arrange()
    await isPaused()
    await flip(true)
    advance(20 * SECOND - 1)
    expect(await isPaused()).toBe(false)
    expect(reads()).toBe(1)
    advance(1)
    expect(await isPaused()).toBe(false)
    await vi.waitFor(async () => expect(await isPaused()).toBe(true))
    expect(reads()).toBe(2)
  })

  test.each([true, false])(
    'that became %s works at the latest after 45 s, in an idle container too',
    async (paused) => {
      const { isPaused, flip, advance } = arrange()
      await flip(!paused)
      await isPaused()
      await flip(paused)
      advance(45 * SECOND)
      expect(await isPaused()).toBe(paused)
    },
  )

  test('is off and reported if it was never read', async () => {
    const { isPaused, onFailed, setDown } = arrange()
    setDown(true)
    expect(await isPaused()).toBe(false)
    expect(onFailed).toHaveBeenCalledExactlyOnceWith(expect.any(ServiceUnavailableError))
  })

  test('is read again before the next attempt if it was never read', async () => {
    const { isPaused, flip, setDown, reads } = arrange()
    await flip(true)
    setDown(true)
    expect([await isPaused(), await isPaused()]).toEqual([false, false])
    expect(reads()).toBe(2)
    setDown(false)
    expect(await isPaused()).toBe(true)
  })

  test('keeps its last state while the table is down, and does not ask it each time', async () => {
    const { isPaused, flip, advance, onFailed, reads, setDown } = arrange()
    await flip(true)
    await isPaused()
    setDown(true)
    advance(3600 * SECOND)
    expect(await isPaused()).toBe(true)
    expect(await isPaused()).toBe(true)
    expect(reads()).toBe(2)
    expect(onFailed).toHaveBeenCalledTimes(1)
  })

  test('is read again soon after the table is back', async () => {
    const { isPaused, flip, advance, setDown } = arrange()
    setDown(true)
    await isPaused()
    await flip(true)
    setDown(false)
    advance(5 * SECOND)
    await isPaused()
    await vi.waitFor(async () => expect(await isPaused()).toBe(true))
  })

  test('reports a failed renewal', async () => {
    const { isPaused, advance, onFailed, setDown } = arrange()
    await isPaused()
    setDown(true)
    advance(20 * SECOND)
    await isPaused()
    await vi.waitFor(() => expect(onFailed).toHaveBeenCalledTimes(1))
  })

  test('knows when the latest pause began and ended', async () => {
    const { isPaused, latest, flip, advance } = arrange()
    expect(latest()).toEqual({})
    await flip(true)
    advance(SECOND)
    await flip(false)
    await isPaused()
    expect(latest()).toMatchObject({ pausedAt: START, resumedAt: START + SECOND })
  })
})

describe('setPaused', () => {
  test('pauses and resumes, with the times', async () => {
    const { accountId, flip, advance } = arrange()
    expect(await flip(true)).toBe(true)
    expect(await readPause(table, accountId)).toEqual({ paused: true, pausedAt: START })
    advance(SECOND)
    expect(await flip(false)).toBe(true)
    const resumed = { paused: false, pausedAt: START, resumedAt: START + SECOND }
    expect(await readPause(table, accountId)).toEqual(resumed)
    advance(SECOND)
    expect(await flip(true)).toBe(true)
    expect(await readPause(table, accountId)).toEqual({
      ...resumed,
      paused: true,
      pausedAt: START + 2 * SECOND,
    })
  })

  test('changes nothing if it was done already', async () => {
    const { accountId, flip, advance } = arrange()
    expect(await flip(false)).toBe(false)
    expect(await readPause(table, accountId)).toEqual({ paused: false })
    await flip(true)
    advance(SECOND)
    expect(await flip(true)).toBe(false)
    expect(await readPause(table, accountId)).toEqual({ paused: true, pausedAt: START })
  })
})

test('a malformed item counts as not paused', async () => {
  const { accountId } = arrange()
  await table.update({ pk: `account#${accountId}`, set: { paused: 'yes' } })
  expect(await readPause(table, accountId)).toEqual({ paused: false })
})
