import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { toProblemPage, toStatusPage } from '../../../functions/http/page.ts'
import { CODES, isCode } from '../../../lib/errors/codes.ts'

const STATUSES = ['opened', 'existing', 'opening', 'queued', 'failed', 'rejected', 'outcome_unknown'] as const
const htmlOf = ({ body = '' }: { readonly body?: string | undefined }) => body

describe('a page', () => {
  test.each([
    ...STATUSES.map((status) => [status, toStatusPage({ status })] as const),
    ['a lost message', toStatusPage({ status: 'opened', messageStatus: 'not_sent' })] as const,
    ['an unknown request', toStatusPage(undefined)] as const,
    ...Object.keys(CODES).map((code) => [code, toProblemPage(code, [])] as const),
  ])('about %s is complete, runs nothing, and is in no search engine', (_, answer) => {
    const html = htmlOf(answer)
    expect(answer.statusCode).toBe(200)
    expect(html).toMatch(/<title>[^<]+<\/title>/)
    expect(html).toMatch(/<h1>[^<]+<\/h1>\n<p>[^<]+<\/p>/)
    expect(html).not.toMatch(/<script|\son\w+=|\sstyle=|undefined/)
    expect(answer.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'x-robots-tag': 'noindex',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    })
  })

  test('allows its one style, and nothing else', () => {
    const { headers, body = '' } = toStatusPage(undefined)
    const [, style = ''] = /<style>(.*)<\/style>/.exec(body) ?? []
    const hash = createHash('sha256').update(style).digest('base64')
    expect(headers?.['content-security-policy']).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    )
  })

  test.each(['opened', 'existing'] as const)('says that a message was not sent: %s', (status) => {
    const html = htmlOf(toStatusPage({ status, messageStatus: 'not_sent' }))
    expect(html).toContain('<h1>Your message was not sent</h1>')
    expect(html).toMatch(/conversation .*, but your message did not reach it\./)
    expect(html).not.toMatch(/Thank you|received/)
    for (const messageStatus of ['pending', 'unknown', 'sent', undefined] as const)
      expect(htmlOf(toStatusPage({ status, messageStatus }))).toBe(htmlOf(toStatusPage({ status })))
  })

  test('never asks visitors to send again what may have arrived', () => {
    for (const page of [toStatusPage({ status: 'outcome_unknown' }), toProblemPage('outcome_unknown', [])]) {
      expect(htmlOf(page)).toContain('don’t send it again')
      expect(htmlOf(page)).not.toContain('Go back')
    }
  })

  test.each(Object.keys(CODES).filter(isCode))('asks to send again only if that may help: %s', (code) => {
    const canCorrect = ['invalid_request', 'payload_too_large', 'bot_check_failed'].includes(code)
    expect(htmlOf(toProblemPage(code, [])).includes('Go back')).toBe(CODES[code].retryable || canCorrect)
  })

  test('names the fields to check, and no text of the address', () => {
    const html = htmlOf(
      toProblemPage('invalid_request', ['consumer.email', 'call.0800', '<b>', 'constructor']),
    )
    expect(html).toContain('Please check: email address. (invalid_request)')
    expect(html).not.toMatch(/0800|<b>/)
    expect(htmlOf(toProblemPage('<script>alert(1)</script>', []))).not.toContain('script')
    expect(htmlOf(toProblemPage('__proto__', []))).toBe(htmlOf(toProblemPage(undefined, [])))
  })
})
