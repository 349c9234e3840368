import { describe, expect, test } from 'vitest'
import { CODES, GUIDANCE, isCode } from '../../../lib/errors/codes.ts'

const rows = Object.keys(CODES)
  .filter(isCode)
  .map((code) => ({ code, ...CODES[code], ...GUIDANCE[code] }))

/** The public contract. A change of a row breaks the clients that match on it. */
test('codes, statuses and whether a retry may help', () => {
  expect(rows.map(({ code, httpStatus, retryable }) => `${httpStatus} ${code} ${retryable}`)).toEqual([
    '400 invalid_request false',
    '401 consumer_token_invalid false',
    '403 campaign_not_allowed false',
    '403 origin_not_allowed false',
    '403 bot_check_failed false',
    '404 not_found false',
    '409 outcome_unknown false',
    '413 payload_too_large false',
    '415 unsupported_media_type false',
    '422 request_id_reused false',
    '422 event_too_old false',
    '422 liveperson_rejected false',
    '500 invalid_config true',
    '500 internal_error true',
    '503 liveperson_unavailable true',
    '503 credentials_refused true',
    '503 interrupted true',
    '503 service_unavailable true',
  ])
})

describe.each(rows)('$code', (row) => {
  const { code, httpStatus, retryable, logLevel, title, detail, meaning, sender, operator, record } = row

  test('is a 5xx if and only if it is retryable, because generic retry code repeats every 5xx', () => {
    expect(httpStatus >= 500).toBe(retryable)
    expect(httpStatus).toBeGreaterThanOrEqual(400)
    expect(httpStatus).toBeLessThan(600)
  })

  test('is not a status that generic retry code repeats, unless it is retryable', () => {
    // Retried by curl --retry and got, among others.
    expect([408, 425, 429]).not.toContain(httpStatus)
  })

  test('is an error in the log if it is retryable and an operator has to act: nobody repairs LivePerson', () => {
    if (retryable) expect(logLevel).toBe(code === 'liveperson_unavailable' ? 'info' : 'error')
  })

  test('keeps a queue record that may succeed later, and quarantines one that never will', () => {
    // A record is quarantined with this code only after several attempts, and can be replayed.
    if (code === 'interrupted') expect(record).toBe('quarantined_after_five')
    else expect(retryable ? ['retried'] : ['quarantined', 'not_applicable']).toContain(record)
  })

  test('has a text for each reader', () => {
    expect(title).toMatch(/^\S.*[^\s.]$/)
    for (const text of [detail, meaning, sender, operator]) expect(text).toMatch(/^\S.*\.$/)
  })
})

test.each(['', 'unknown', 'toString', '__proto__'])('%j is not a code', (text) => {
  expect(isCode(text)).toBe(false)
})

test('titles are distinct', () => {
  expect(new Set(rows.map(({ title }) => title)).size).toBe(rows.length)
})
