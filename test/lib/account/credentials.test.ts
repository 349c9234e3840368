import { describe, expect, test, vi } from 'vitest'
import { createCredentials, type SecretStage } from '../../../lib/account/credentials.ts'
import { ServiceUnavailableError } from '../../../lib/errors/errors.ts'
import type { AppCredentials } from '../../../lib/liveperson/app-jwt.ts'

const SECOND = 1000
const secret = (clientSecret: string): AppCredentials => ({ clientId: 'app', clientSecret })
const failing = async () => {
  throw new ServiceUnavailableError({ detail: 'Secrets Manager does not answer.' })
}

/** Credentials whose secret gets a new value at each read; `answer` may be replaced, time moves by `advance`. */
const arrange = () => {
  let time = 1_800_000_000_000
  const read = vi.fn(async (stage: SecretStage): Promise<AppCredentials | undefined> => secret(stage))
  let reads = 0
  read.mockImplementation(async (stage) => secret(stage === 'AWSCURRENT' ? `v${++reads}` : 'old'))
  return {
    ...createCredentials({ read, now: () => time }),
    read,
    advance: (ms: number) => {
      time += ms
    },
  }
}
const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('credentials', () => {
  test('asked for at once by many are read once', async () => {
    const { current, read } = arrange()
    const given = await Promise.all(Array.from({ length: 100 }, current))
    expect(new Set(given)).toEqual(new Set([secret('v1')]))
    expect(new Set(given).size).toBe(1)
    expect(read).toHaveBeenCalledTimes(1)
  })

  test('are kept four minutes at least and six at most', async () => {
    const ages = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const { current, read, advance } = arrange()
        await current()
        let age = 0
        while (read.mock.calls.length === 1) {
          advance(5 * SECOND)
          age += 5 * SECOND
          await current()
        }
        return age / SECOND
      }),
    )
    expect(Math.min(...ages)).toBeGreaterThanOrEqual(240)
    expect(Math.max(...ages)).toBeLessThanOrEqual(365)
    expect(new Set(ages).size).toBeGreaterThan(5)
  })

  test('are read again beside the call that notices, once for all', async () => {
    const { current, read, advance } = arrange()
    await current()
    advance(361 * SECOND)
    const given = await Promise.all([current(), current(), current()])
    expect(given).toEqual([secret('v1'), secret('v1'), secret('v1')])
    await settled()
    expect(await current()).toEqual(secret('v2'))
    expect(read).toHaveBeenCalledTimes(2)
  })

  test('go on while Secrets Manager fails, and it is asked again twice a minute at most', async () => {
    const { current, read, advance } = arrange()
    await current()
    read.mockImplementation(failing)
    advance(361 * SECOND)
    for (let second = 0; second < 3600; second++) {
      expect(await current()).toEqual(secret('v1'))
      await settled()
      advance(SECOND)
    }
    expect(read.mock.calls.length).toBeGreaterThan(60)
    expect(read.mock.calls.length).toBeLessThan(125)
  })

  test('that could never be read are asked for again by the next call', async () => {
    const { current, read } = arrange()
    read.mockImplementationOnce(failing)
    await expect(current()).rejects.toBeInstanceOf(ServiceUnavailableError)
    expect(await current()).toEqual(secret('v1'))
  })

  test('without a current version are none', async () => {
    const { current, read } = arrange()
    read.mockImplementationOnce(async () => undefined)
    await expect(current()).rejects.toThrow()
  })
})

describe('reload', () => {
  test('reads the refused credentials again, for many at once', async () => {
    const { current, reload, read } = arrange()
    const refused = await current()
    const given = await Promise.all([reload(refused), reload(refused), reload(refused)])
    expect(given).toEqual([secret('v2'), secret('v2'), secret('v2')])
    expect(read).toHaveBeenCalledTimes(2)
  })

  test('reads nothing where they have been replaced meanwhile', async () => {
    const { current, reload, read } = arrange()
    const refused = await current()
    await reload(refused)
    expect(await reload(refused)).toEqual(secret('v2'))
    expect(read).toHaveBeenCalledTimes(2)
  })

  test('gives the refused ones where Secrets Manager fails', async () => {
    const { current, reload, read } = arrange()
    const refused = await current()
    read.mockImplementation(failing)
    expect(await reload(refused)).toBe(refused)
  })
})

describe('previous', () => {
  test('reads AWSPREVIOUS', async () => {
    const { previous, read } = arrange()
    expect(await previous()).toEqual(secret('old'))
    expect(read).toHaveBeenCalledWith('AWSPREVIOUS')
  })

  test.each([
    ['there is none', async () => undefined],
    ['Secrets Manager fails', failing],
  ])('is undefined where %s', async (_, answer) => {
    const { previous, read } = arrange()
    read.mockImplementation(answer)
    expect(await previous()).toBeUndefined()
  })
})
