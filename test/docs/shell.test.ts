import { describe, expect, test } from 'vitest'
import { readCommands, toCurlRequest } from './shell.ts'

describe('shell texts', () => {
  test.each([
    [
      'npm ci && npm run demo   # opens two',
      [
        ['npm', 'ci'],
        ['npm', 'run', 'demo'],
      ],
    ],
    ['a b\nc', [['a', 'b'], ['c']]],
    ['a \\\n  b', [['a', 'b']]],
    ['a \'b c\' "d e"', [['a', 'b c', 'd e']]],
    ['a "$URL/b" <c>-<d>', [['a', '$URL/b', '<c>-<d>']]],
    ['a -d \'{\n  "b": "c # d"\n}\'', [['a', '-d', '{\n  "b": "c # d"\n}']]],
    ['A=1 b', [['b']]],
    ['# only a comment', []],
  ])('%j is read', (text, commands) => {
    expect(readCommands(text)).toEqual(commands)
  })

  test('a curl command is read as the request that it sends', () => {
    const [command = []] = readCommands(`curl -i "$API/x" -H 'A: b' -d c=d --data-urlencode 'e=ø f'`)
    expect(toCurlRequest(command)).toEqual({
      method: 'POST',
      url: '$API/x',
      headers: { 'content-type': 'application/x-www-form-urlencoded', a: 'b' },
      body: 'c=d&e=%C3%B8%20f',
    })
  })

  test('an option of curl that is not known here is refused', () => {
    expect(() => toCurlRequest(['curl', '--form', 'a=b', 'x'])).toThrow('curl --form is not known here')
  })
})
