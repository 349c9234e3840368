import { describe, expect, test } from 'vitest'
import { isLoopback, isNamedHost, isSecure } from '../../../lib/net/loopback.ts'

describe('a host name', () => {
  test.each(['localhost', '127.0.0.1', '127.1.2.3', '[::1]'])('%s means this machine', (hostname) => {
    expect(isLoopback(hostname)).toBe(true)
  })

  test.each([
    '',
    '127.0.0.1.example.com',
    'localhost.example.com',
    'notlocalhost',
    '128.0.0.1',
    '0.0.0.0',
    '::1',
    '[::2]',
    '127.0.0.1:80',
    '127.0.0.1234',
    '169.254.169.254',
  ])('%s does not mean this machine', (hostname) => {
    expect(isLoopback(hostname)).toBe(false)
  })
})

describe('an address', () => {
  test.each<[string, boolean, boolean]>([
    ['https://id.example.com/jwks.json', false, true],
    ['https://id.example.com:8443/jwks.json', false, true],
    ['https://127.0.0.1/', false, false],
    ['https://127.0.0.1/', true, true],
    ['https://localhost/', false, false],
    ['https://localhost/', true, true],
    ['https://169.254.169.254/', true, false],
    ['https://[fd00::1]/', true, false],
    ['http://id.example.com/', false, false],
    ['http://id.example.com/', true, false],
    ['http://127.0.0.1:9000/', false, false],
    ['http://127.0.0.1:9000/', true, true],
    ['http://[::1]:9000/', true, true],
    ['http://localhost/', true, true],
    ['http://127.0.0.1.example.com/', true, false],
    ['ftp://127.0.0.1/', true, false],
    ['file:///etc/passwd', true, false],
    ['https://user@id.example.com/', false, false],
    ['https://user:secret@id.example.com/', false, false],
    ['https://:secret@id.example.com/', false, false],
    ['http://user@127.0.0.1/', true, false],
  ])('%s, with loopback %s, is secure: %s', (address, loopback, expected) => {
    expect(isSecure(address, loopback)).toBe(expected)
  })
})

describe('the host of an address is a name:', () => {
  test.each([
    'https://id.example.com/',
    'https://id.example.com./',
    'https://intranet/',
    'https://1.2.3.4.example.com/',
    'https://localhost.example.com/',
    'https://notlocalhost/',
    'https://xn--bcher-kva.example/',
  ])('%s', (address) => {
    expect(isNamedHost(new URL(address).hostname)).toBe(true)
  })

  test.each([
    ['a private IPv4 address', 'https://10.0.0.1/'],
    ['a public IPv4 address', 'https://93.184.216.34/'],
    ['the metadata service', 'https://169.254.169.254/'],
    ['this machine', 'https://127.0.0.1/'],
    ['any address', 'https://0.0.0.0/'],
    ['a decimal IPv4 address', 'https://2130706433/'],
    ['a hexadecimal IPv4 address', 'https://0x7f.1/'],
    ['an octal IPv4 address', 'https://0177.0.0.01/'],
    ['a short IPv4 address', 'https://10.1/'],
    ['an IPv4 address with a trailing dot', 'https://10.0.0.1./'],
    ['an IPv4 address in percent-encoding', 'https://%31%30.0.0.1/'],
    ['an IPv4 address in full-width digits', 'https://１０.0.0.1/'],
    ['IPv6 loopback', 'https://[::1]/'],
    ['a unique local IPv6 address', 'https://[fd00:ec2::254]/'],
    ['a link-local IPv6 address', 'https://[fe80::1]/'],
    ['an IPv4-mapped address', 'https://[::ffff:169.254.169.254]/'],
    ['localhost', 'https://localhost/'],
    ['localhost with a trailing dot', 'https://LOCALHOST./'],
    ['a name below localhost', 'https://api.localhost/'],
  ])('%s is not', (_, address) => {
    expect(isNamedHost(new URL(address).hostname)).toBe(false)
  })
})
