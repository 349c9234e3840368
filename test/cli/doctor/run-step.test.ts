import { expect, test } from 'vitest'
import { createRunStep } from '../../../cli/doctor/run-step.ts'
import type { Step } from '../../../cli/doctor/steps.ts'
import { ServiceUnavailableError } from '../../../lib/errors/errors.ts'

const accountId = '70123456'

const start = () => {
  const reported: Step[] = []
  const about = { accountId, secretId: 'secret', stages: [] }
  return { reported, runStep: createRunStep((step) => reported.push(step), about) }
}

test('a successful step is reported, and returns its value', async () => {
  const { reported, runStep } = start()
  expect(await runStep('domains', async () => ({ value: 7, found: 'seven' }))).toBe(7)
  expect(reported).toEqual([{ accountId, step: 'domains', status: 'ok', found: 'seven' }])
})

test('a step without work is skipped', async () => {
  const { reported, runStep } = start()
  expect(await runStep('AppJWT', undefined)).toBeUndefined()
  expect(reported).toEqual([expect.objectContaining({ step: 'AppJWT', status: 'skipped' })])
})

test('a failed step is reported with its code, the names of its causes and advice', async () => {
  const { reported, runStep } = start()
  const cause = Object.assign(new Error('quotes a secret'), { code: 'ECONNREFUSED' })
  const work = () => Promise.reject(new ServiceUnavailableError({ detail: 'No answer.', cause }))
  expect(await runStep('secret', work)).toBeUndefined()
  expect(reported).toEqual([
    {
      accountId,
      step: 'secret',
      status: 'failed',
      found: 'No answer. (Error ECONNREFUSED)',
      code: 'service_unavailable',
      next: expect.stringContaining('Secrets Manager'),
    },
  ])
})

test('an unexpected error is reported as internal, without its message', async () => {
  const { reported, runStep } = start()
  await runStep('secret', () => Promise.reject(new TypeError('quotes a secret')))
  expect(reported).toMatchObject([{ status: 'failed', code: 'internal_error' }])
  expect(JSON.stringify(reported)).not.toContain('quotes')
})
