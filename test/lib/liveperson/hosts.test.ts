import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isTrusted, SERVICES, toOrigin } from '../../../lib/liveperson/hosts.ts'

/** The only origins that may ever receive a secret or a token. */
const LIVEPERSON = /^https:\/\/([a-z0-9-]+\.)+liveperson\.(net|com)$/
const THIS_MACHINE = /^https?:\/\/(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/

test('the services have the case-sensitive names of the Domain API', () => {
  expect(SERVICES).toEqual(['sentinel', 'idp', 'asyncMessagingEnt'])
})

describe('toOrigin', () => {
  test.each([
    ['va.sentinel.liveperson.net', 'https://va.sentinel.liveperson.net'],
    ['lo.idp.liveperson.com', 'https://lo.idp.liveperson.com'],
    ['a-1.b-2.c-3.liveperson.net', 'https://a-1.b-2.c-3.liveperson.net'],
    ['VA.Sentinel.LivePerson.NET', 'https://va.sentinel.liveperson.net'],
    ['va.idp.liveperson.net:443', 'https://va.idp.liveperson.net'],
  ])('%s is LivePerson, on any machine', (host, origin) => {
    expect(toOrigin(host, false)).toBe(origin)
    expect(toOrigin(host, true)).toBe(origin)
  })

  test.each([
    ['127.0.0.1:8443', 'http://127.0.0.1:8443'],
    ['127.1.2.3', 'http://127.1.2.3'],
    ['localhost:80', 'http://localhost'],
    ['localhost', 'http://localhost'],
    ['LOCALHOST:8080', 'http://localhost:8080'],
    ['[::1]:8443', 'http://[::1]:8443'],
  ])('%s is trusted, by http, only if the Domain API is on this machine', (host, origin) => {
    expect(toOrigin(host, false)).toBeUndefined()
    expect(toOrigin(host, true)).toBe(origin)
  })

  test.each([
    ['another domain', 'evil.example'],
    ['a subdomain of another domain', 'liveperson.net.evil.example'],
    ['a name that ends the same', 'evilliveperson.net'],
    ['a name that ends the same, with a subdomain', 'va.evilliveperson.net'],
    ['the bare domain', 'liveperson.net'],
    ['another top-level domain', 'va.liveperson.org'],
    ['a longer top-level domain', 'va.liveperson.network'],
    ['a trailing dot', 'va.liveperson.net.'],
    ['an empty label', 'va..liveperson.net'],
    ['a port', 'va.liveperson.net:8443'],
    ['a port that is out of range', 'va.liveperson.net:99999'],
    ['a user', 'user@va.liveperson.net'],
    ['a foreign host after a user', 'va.liveperson.net@evil.example'],
    ['a path', 'va.liveperson.net/path'],
    ['a foreign host before a path', 'evil.example/va.liveperson.net'],
    ['a query', 'evil.example?va.liveperson.net'],
    ['a fragment', 'evil.example#va.liveperson.net'],
    ['a backslash', 'evil.example\\va.liveperson.net'],
    ['a scheme', 'https://va.liveperson.net'],
    ['a space', 'va.liveperson.net evil.example'],
    ['a line break', 'va.liveperson.net\n'],
    ['a percent-encoded dot', 'va%2eliveperson.net'],
    ['a Cyrillic letter', 'va.l\u0456veperson.net'],
    ['a full-width dot', 'va\uff0eliveperson.net'],
    ['an underscore', 'va_1.liveperson.net'],
    ['the metadata service of AWS', '169.254.169.254'],
    ['a private address', '10.0.0.1'],
    ['an IPv6 address', '[fd00::1]'],
    ['any address', '0.0.0.0'],
    ['a name that begins like this machine', '127.0.0.1.evil.example'],
    ['a name that ends like this machine', 'evil.localhost'],
    ['nothing', ''],
    ['a name that is too long', `${'a.'.repeat(128)}liveperson.net`],
    ['undefined', undefined],
    ['null', null],
    ['a number', 5],
    ['an array of one trusted host', ['va.liveperson.net']],
    ['an object that converts to a trusted host', { toString: () => 'va.liveperson.net' }],
  ])('%s is refused', (_, host) => {
    expect(toOrigin(host, false)).toBeUndefined()
    expect(toOrigin(host, true)).toBeUndefined()
  })

  test('the longest name is 253 characters', () => {
    const host = `${'a'.repeat(238)}.liveperson.net`
    expect(host).toHaveLength(253)
    expect(toOrigin(host, false)).toBe(`https://${host}`)
    expect(toOrigin(`a${host}`, false)).toBeUndefined()
  })

  const part = fc.constantFrom(
    ...[
      'va.liveperson.net',
      'liveperson',
      '.net',
      '.com',
      '.',
      '-',
      ':',
      '@',
      '/',
      '\\',
      '?',
      '#',
      '%2e',
      '\t',
      '\u0000',
      'va',
      'evil',
    ],
    ...[
      '127.0.0.1',
      'localhost',
      '[::1]',
      '[',
      ']',
      ':443',
      ':80',
      ':8443',
      '\u3002',
      '\u00ad',
      'xn--',
      '0x7f',
      'ⓛ',
    ],
  )
  const host = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.domain(),
    fc.webAuthority({ withPort: true, withUserInfo: true, withIPv4: true, withIPv6: true }),
    fc.array(part, { maxLength: 8 }).map((parts) => parts.join('')),
    fc.anything(),
  )

  test('every origin belongs to LivePerson, or to this machine if that is allowed', () => {
    fc.assert(
      fc.property(host, fc.boolean(), (given, loopback) => {
        const origin = toOrigin(given, loopback)
        if (origin === undefined) return
        expect(loopback && THIS_MACHINE.test(origin) ? true : LIVEPERSON.test(origin)).toBe(true)
        // What is appended to the origin can't change where it points.
        expect(new URL(`${origin}/api/account/1`).origin).toBe(origin)
      }),
      { numRuns: 5000 },
    )
  })

  const label = fc
    .stringMatching(/^[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?$/)
    .filter((name) => !name.startsWith('xn--'))

  test('every subdomain of LivePerson is trusted', () => {
    fc.assert(
      fc.property(
        fc.array(label, { minLength: 1, maxLength: 4 }),
        fc.constantFrom('net', 'com'),
        (labels, top) => {
          const name = `${labels.join('.')}.liveperson.${top}`
          expect(toOrigin(name, false)).toBe(`https://${name}`)
        },
      ),
    )
  })
})

describe('isTrusted', () => {
  test.each<[string, string, boolean, boolean]>([
    ['https at LivePerson', 'https://api.liveperson.net/path?query', false, true],
    ['https at LivePerson, with the Domain API on this machine', 'https://api.liveperson.net', true, true],
    ['http at LivePerson', 'http://api.liveperson.net', false, false],
    ['http at LivePerson, with the Domain API on this machine', 'http://api.liveperson.net', true, false],
    ['another port', 'https://api.liveperson.net:8443', false, false],
    ['a user', 'https://user@api.liveperson.net', false, false],
    ['a password', 'https://:secret@api.liveperson.net', false, false],
    ['another domain', 'https://api.example.com', true, false],
    ['this machine', 'http://127.0.0.1:8443', true, true],
    ['this machine, with a user', 'http://user@127.0.0.1:8443', true, false],
    ['this machine, with a password', 'http://:secret@127.0.0.1:8443', true, false],
    ['this machine, without the Domain API there', 'http://127.0.0.1:8443', false, false],
    ['this machine by https, without the Domain API there', 'https://localhost', false, false],
  ])('%s', (_, address, loopback, expected) => {
    expect(isTrusted(new URL(address), loopback)).toBe(expected)
  })
})
