import { describe, expect, test } from 'vitest'
import { isLoopback, isSecure } from '../../../lib/net/loopback.ts'

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
    ['https://127.0.0.1/', false, true],
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
