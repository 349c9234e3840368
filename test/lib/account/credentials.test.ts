import { describe, expect, test, vi } from 'vitest'
import { createCredentials } from '../../../lib/account/credentials.ts'
import type { ReadSecret } from '../../../lib/account/secrets.ts'
import { InvalidConfigError, ServiceUnavailableError } from '../../../lib/errors/errors.ts'

const SECOND = 1000
const secret = (clientSecret: string) => ({ clientId: 'app', clientSecret })
const failing: ReadSecret = async () => {
  throw new ServiceUnavailableError({ detail: 'The call to Secrets Manager failed.' })
}

/** Credentials whose current secret has a new value at each read. Time moves by `advance`. */
const arrange = ({ random = Math.random }: { readonly random?: () => number } = {}) => {
  let time = 1_800_000_000_000
  let reads = 0
  const readSecret = vi.fn<ReadSecret>(async (_, stage) =>
    JSON.stringify(secret(stage === 'AWSCURRENT' ? `v${++reads}` : 'old')),
  )
  const onFailure = vi.fn()
  return {
    ...createCredentials({ readSecret, secretId: 'prefix/70123456', now: () => time, random, onFailure }),
    readSecret,
    onFailure,
    advance: (ms: number) => {
      time += ms
    },
  }
}
const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('credentials', () => {
  test('are read once for many concurrent calls', async () => {
    const { current, readSecret } = arrange()
    const given = await Promise.all(Array.from({ length: 100 }, current))
    expect(new Set(given).size).toBe(1)
    expect(given[0]).toEqual(secret('v1'))
    expect(readSecret.mock.calls).toEqual([['prefix/70123456', 'AWSCURRENT']])
  })

  test('are kept for at least four minutes and at most six', async () => {
    const ages = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const { current, readSecret, advance } = arrange()
        await current()
        let age = 0
        while (readSecret.mock.calls.length === 1) {
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

  test.each([
    [0, 240],
    [0.5, 300],
  ])('are kept for a time that depends on `random`: %d, %d seconds', async (value, seconds) => {
    const { current, readSecret, advance } = arrange({ random: () => value })
    await current()
    advance(seconds * SECOND - 1)
    await current()
    expect(readSecret).toHaveBeenCalledTimes(1)
    advance(1)
    await current()
    expect(readSecret).toHaveBeenCalledTimes(2)
  })

  test('are read again once for all calls, without delaying them', async () => {
    const { current, readSecret, advance } = arrange()
    await current()
    advance(361 * SECOND)
    const given = await Promise.all([current(), current(), current()])
    expect(given).toEqual([secret('v1'), secret('v1'), secret('v1')])
    await settled()
    expect(await current()).toEqual(secret('v2'))
    expect(readSecret).toHaveBeenCalledTimes(2)
  })

  test('are kept while Secrets Manager fails, which is then asked at most twice a minute', async () => {
    const { current, readSecret, advance } = arrange()
    await current()
    readSecret.mockImplementation(failing)
    advance(361 * SECOND)
    for (let second = 0; second < 3600; second++) {
      expect(await current()).toEqual(secret('v1'))
      await settled()
      advance(SECOND)
    }
    expect(readSecret.mock.calls.length).toBeGreaterThan(60)
    expect(readSecret.mock.calls.length).toBeLessThan(125)
  })

  test('whose renewal fails are kept, and the failure is reported', async () => {
    const { current, readSecret, advance, onFailure } = arrange()
    await current()
    readSecret.mockImplementation(failing)
    advance(361 * SECOND)
    await current()
    await settled()
    expect(onFailure.mock.calls).toEqual([['AWSCURRENT', expect.any(ServiceUnavailableError)]])
  })

  test('that could not be read are read by the next call', async () => {
    const { current, readSecret, onFailure } = arrange()
    readSecret.mockImplementationOnce(failing)
    await expect(current()).rejects.toBeInstanceOf(ServiceUnavailableError)
    expect(onFailure).not.toHaveBeenCalled()
    expect(await current()).toEqual(secret('v1'))
  })

  test.each([
    ['missing', undefined],
    ['not JSON', 'secret-words'],
  ])('whose secret is %s are a mistake in the configuration', async (_, text) => {
    const { current, readSecret } = arrange()
    readSecret.mockImplementationOnce(async () => text)
    await expect(current()).rejects.toBeInstanceOf(InvalidConfigError)
  })
})

describe('reload', () => {
  test('reads refused credentials again, once for many concurrent calls', async () => {
    const { current, reload, readSecret } = arrange()
    const refused = await current()
    const given = await Promise.all([reload(refused), reload(refused), reload(refused)])
    expect(given).toEqual([secret('v2'), secret('v2'), secret('v2')])
    expect(readSecret).toHaveBeenCalledTimes(2)
  })

  test('reads nothing if they have already been replaced', async () => {
    const { current, reload, readSecret } = arrange()
    const refused = await current()
    await reload(refused)
    expect(await reload(refused)).toEqual(secret('v2'))
    expect(readSecret).toHaveBeenCalledTimes(2)
  })

  test('returns the refused credentials if Secrets Manager fails, and reports that', async () => {
    const { current, reload, readSecret, onFailure } = arrange()
    const refused = await current()
    readSecret.mockImplementation(failing)
    expect(await reload(refused)).toBe(refused)
    expect(onFailure.mock.calls).toEqual([['AWSCURRENT', expect.any(ServiceUnavailableError)]])
  })
})

describe('previous', () => {
  test('reads AWSPREVIOUS', async () => {
    const { previous, readSecret } = arrange()
    expect(await previous()).toEqual(secret('old'))
    expect(readSecret).toHaveBeenCalledWith('prefix/70123456', 'AWSPREVIOUS')
  })

  test('is undefined if there is none', async () => {
    const { previous, readSecret, onFailure } = arrange()
    readSecret.mockImplementation(async () => undefined)
    expect(await previous()).toBeUndefined()
    expect(onFailure).not.toHaveBeenCalled()
  })

  test.each<[string, ReadSecret, new (...given: never[]) => Error]>([
    ['it is not JSON', async () => 'secret-words', InvalidConfigError],
    ['Secrets Manager fails', failing, ServiceUnavailableError],
  ])('is undefined if %s, which is reported', async (_, answer, Failure) => {
    const { previous, readSecret, onFailure } = arrange()
    readSecret.mockImplementation(answer)
    expect(await previous()).toBeUndefined()
    expect(onFailure.mock.calls).toEqual([['AWSPREVIOUS', expect.any(Failure)]])
  })
})
