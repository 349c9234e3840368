import { readFileSync } from 'node:fs'
import { CompactEncrypt } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { parseStageConfig } from '../../lib/config/stage.ts'
import { createThirdParty } from '../../lib/consumer/third-party.ts'
import { createConsumerTokens } from '../../lib/consumer/token.ts'
import { createOutbound } from '../../lib/net/outbound.ts'
import { type IdentityProvider, part, startIdentityProvider } from './third-parties.ts'

// One describe per section of RFC 8725, as in the table in docs/security.md.

let brand: IdentityProvider
let attacker: IdentityProvider

beforeAll(async () => {
  brand = await startIdentityProvider('https://id.example.com/')
  attacker = await startIdentityProvider('https://id.example.com/')
})
afterAll(() => Promise.all([brand.close(), attacker.close()]))
afterEach(() => {
  brand.state.keys = [brand.rsa, brand.ec, brand.unlisted]
  brand.urls.length = 0
})

const stageWith = (members: object) => {
  const form = { consumers: 'both', tokens: brand.tokensWith(members) }
  const stage = { accounts: [{ accountId: '70123456', form }] }
  return parseStageConfig(stage, { name: 'the test', loopback: true })
}

/** Verifies a token. Returns the consumer's id, or the code of the refusal. */
const verify = (token: string, members: object = {}): Promise<string> => {
  const tokens = stageWith(members).accounts.flatMap(({ form }) => form.tokens ?? [])
  const call = createThirdParty({ outbound: createOutbound(), loopback: true, timeoutMs: 10_000 })
  return createConsumerTokens({ tokens, call, now: Date.now })(`Bearer ${token}`).then(
    ({ consumerId }) => consumerId,
    ({ code }) => code,
  )
}

const REFUSED = 'consumer_token_invalid'
const header = (members: object = {}) => JSON.stringify({ alg: 'RS256', kid: 'rsa-1', ...members })
const claims = () => JSON.stringify(brand.claimsOf())
const withHeader = async (members: object) => (await brand.sign()).replace(/^[^.]+/, part(members))

const sections: Record<string, () => void> = {
  'Perform algorithm verification': () => {
    test('the header can’t choose an algorithm that the configuration doesn’t list', async () => {
      expect(await verify(await brand.sign({}, brand.ec))).toBe('crm-8841')
      expect(await verify(await brand.sign({}, brand.ec), { algorithms: ['RS256'] })).toBe(REFUSED)
    })

    test('a key is used only with its own algorithm', async () => {
      expect(await verify(await withHeader({ alg: 'ES256', kid: 'rsa-1' }))).toBe(REFUSED)
      expect(await verify(await withHeader({ alg: 'PS256', kid: 'rsa-1' }), { algorithms: ['PS256'] })).toBe(
        REFUSED,
      )
    })
  },

  'Use appropriate algorithms': () => {
    test.each(['none', 'HS256', 'HS384', 'HS512', 'RSA1_5', 'RS1'])('%s can’t be configured', (algorithm) => {
      expect(() => stageWith({ algorithms: [algorithm] })).toThrow('algorithms.0 must be one of')
    })

    test.each(['none', 'None', 'NONE', 'nOnE'])('alg %s is refused', async (alg) => {
      for (const signature of ['', '.AAAA', `.${part('')}`])
        expect(await verify(`${part({ alg })}.${part(brand.claimsOf())}${signature}`)).toBe(REFUSED)
    })
  },

  'Validate all cryptographic operations': () => {
    test('a changed byte anywhere is refused', async () => {
      const token = await brand.sign()
      for (const index of [0, 1, 2].map((number) => token.split('.', number + 1).join('.').length - 5)) {
        const other = token[index] === 'A' ? 'B' : 'A'
        expect(await verify(`${token.slice(0, index)}${other}${token.slice(index + 1)}`)).toBe(REFUSED)
      }
    })

    test('a token around a token is refused, although both are signed', async () => {
      const nested = await brand.sign()
      expect(await verify(await brand.signParts(header({ cty: 'JWT' }), nested))).toBe(REFUSED)
      expect(await verify(await brand.signParts(header({ cty: 'JWT' }), JSON.stringify(nested)))).toBe(
        REFUSED,
      )
    })
  },

  'Validate cryptographic inputs': () => {
    test('a published point that isn’t on its curve is refused', async () => {
      const y = `${brand.ec.publicJwk.y?.startsWith('A') ? 'B' : 'A'}${brand.ec.publicJwk.y?.slice(1)}`
      brand.state.keys = [{ ...brand.ec, publicJwk: { ...brand.ec.publicJwk, y } }]
      expect(await verify(await brand.sign({}, brand.ec))).toBe(REFUSED)
    })
  },

  'Ensure cryptographic keys have sufficient entropy': () => {
    test('a published symmetric key is refused, so a password can’t be one', async () => {
      const publicJwk = { kty: 'oct', kid: 'rsa-1', k: part('password') }
      brand.state.keys = [{ ...brand.rsa, publicJwk }]
      expect(await verify(await brand.sign())).toBe(REFUSED)
    })
  },

  'Avoid compression of encryption inputs': () => {
    test('an encrypted token is refused, so nothing is decompressed', async () => {
      const { publicKey } = await crypto.subtle.generateKey(
        {
          name: 'RSA-OAEP',
          hash: 'SHA-256',
          modulusLength: 2048,
          publicExponent: new Uint8Array([1, 0, 1]),
        },
        true,
        ['encrypt', 'decrypt'],
      )
      const token = await new CompactEncrypt(new TextEncoder().encode(await brand.sign()))
        .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM' })
        .encrypt(publicKey)
      expect(await verify(token)).toBe(REFUSED)
      expect(brand.urls).toEqual([])
    })
  },

  'Use UTF-8': () => {
    test('other encodings are refused', async () => {
      expect(await verify(await brand.signParts(header(), Buffer.from(claims(), 'utf16le')))).toBe(REFUSED)
      const latin = Buffer.from(claims().replace('crm-8841', 'J\u00f8rgen'), 'latin1')
      expect(await verify(await brand.signParts(header(), latin))).toBe(REFUSED)
    })

    test('UTF-8 is accepted', async () => {
      expect(await verify(await brand.sign({ sub: 'J\u00f8rgen' }))).toBe('J\u00f8rgen')
    })
  },

  'Validate issuer and subject': () => {
    test('an issuer’s keys verify its own tokens only', async () => {
      expect(await verify(await brand.sign({ iss: 'https://id.other.example/' }))).toBe(REFUSED)
      expect(await verify(await attacker.sign())).toBe(REFUSED)
    })

    test('the subject is a consumer id, and no application', async () => {
      for (const sub of [undefined, '', 5, 'a\nb', 'x'.repeat(257)])
        expect(await verify(await brand.sign({ sub }))).toBe(REFUSED)
      expect(await verify(await brand.sign({ sub: 'job', client_id: 'job' }))).toBe(REFUSED)
    })
  },

  'Use and validate audience': () => {
    test.each([undefined, null, '', 'shop', [], ['shop'], { 'campaign-conversations': 1 }])(
      'the audience %j is refused',
      async (aud) => {
        expect(await verify(await brand.sign({ aud }))).toBe(REFUSED)
      },
    )
  },

  'Do not trust received claims': () => {
    test('a token can’t bring its key, or say where it is', async () => {
      const { jwksUrl, rsa } = attacker
      for (const extra of [{ jwk: rsa.publicJwk }, { jku: jwksUrl }, { x5u: jwksUrl }, { x5c: ['AAAA'] }])
        expect(await verify(await attacker.sign({}, rsa, extra))).toBe(REFUSED)
      expect(attacker.urls).toEqual([])
    })

    test.each(['../../rsa-1', "' OR 1=1 --", 'rsa-1\u0000', '__proto__', ''])(
      'the key %j is looked up as it is, and not found',
      async (kid) => {
        expect(await verify(await brand.sign({}, brand.rsa, { kid }))).toBe(REFUSED)
        expect(brand.urls.filter((url) => url !== '/jwks.json')).toEqual([])
      },
    )
  },

  'Use explicit typing': () => {
    test('a typ that isn’t accepted is refused', async () => {
      for (const typ of ['logout+jwt', 'secevent+jwt', 'dpop+jwt'])
        expect(await verify(await brand.sign({}, brand.rsa, { typ }))).toBe(REFUSED)
    })

    test('a configuration can require one', async () => {
      expect(await verify(await brand.sign(), { types: ['at+jwt'] })).toBe(REFUSED)
      expect(await verify(await brand.sign({}, brand.rsa, { typ: 'at+jwt' }), { types: ['at+jwt'] })).toBe(
        'crm-8841',
      )
    })
  },

  'Use mutually exclusive validation rules': () => {
    test('what only other kinds of token have is refused', async () => {
      for (const claim of [{ events: {} }, { cnf: {} }])
        expect(await verify(await brand.sign(claim))).toBe(REFUSED)
    })

    test('another application’s token is refused, if the clients are known', async () => {
      expect(await verify(await brand.sign({ azp: 'shop' }), { clients: ['web'] })).toBe(REFUSED)
      expect(await verify(await brand.sign({ azp: 'web' }), { clients: ['web'] })).toBe('crm-8841')
    })
  },
}

describe.each(
  Object.entries(sections).map(([title, define], index) => ({ title, define, number: index + 1 })),
)('RFC 8725, 3.$number, $title:', ({ define }) => {
  define()
})

test('docs/security.md has a row for each section', () => {
  const text = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8')
  const rows = [...text.matchAll(/^\| 3\.(\d+) ([^|]+) \|/gm)].map(([, number, title]) => [number, title])
  expect(rows).toEqual(Object.keys(sections).map((title, index) => [String(index + 1), title]))
})
