import * as z from 'zod/mini'
import { type Finding, InvalidConfigError } from '../errors/errors.ts'
import { isSecure } from '../net/loopback.ts'
import { check } from '../request/check.ts'
import { accountId, campaign, DOORS, routeName, ttr } from '../request/conversation-request.ts'
import { engagementAttributes } from '../request/engagement-attributes.ts'

const tokens = z.strictObject({
  issuer: z.string().check(z.minLength(1)),
  audience: z.string().check(z.minLength(1)),
  jwksUrl: z.url(),
  algorithms: z
    .array(z.enum(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']))
    .check(z.minLength(1)),
})

const botCheck = z.strictObject({
  verifyUrl: z.url(),
  hostnames: z.optional(z.array(z.string().check(z.minLength(1))).check(z.minLength(1))),
})

const campaigns = z.enum(['listed', 'any'])

const route = z.strictObject({
  ...campaign.shape,
  ttr: z._default(ttr, 'NORMAL'),
  doors: z._default(z.array(z.enum(DOORS)).check(z.minLength(1)), [...DOORS]),
  engagementAttributes: z._default(engagementAttributes, []),
})

const account = z.strictObject({
  accountId,
  default: z.optional(z.boolean()),
  form: z._default(
    z.strictObject({
      consumers: z._default(z.enum(['anonymous', 'token', 'both']), 'anonymous'),
      campaigns: z._default(campaigns, 'listed'),
      tokens: z.optional(tokens),
      botCheck: z.optional(botCheck),
    }),
    { consumers: 'anonymous', campaigns: 'listed' },
  ),
  queue: z._default(z.strictObject({ campaigns: z._default(campaigns, 'any') }), { campaigns: 'any' }),
  onLostAnswer: z._default(z.enum(['repeat', 'hold']), 'repeat'),
  routes: z._default(z.record(routeName, route), {}),
})

/** The schema of `config/<stage>.json`. `config/schema.json` is generated from it. */
export const stageConfigSchema = z.strictObject({
  $schema: z.optional(z.string()),
  origins: z._default(
    z.array(
      z
        .string()
        .check(z.regex(/^(\*|https?:\/\/[^/\s*]+)$/, 'must be an origin such as https://www.example.com')),
    ),
    [],
  ),
  giveUpAfterHours: z._default(z.int().check(z.minimum(1), z.maximum(168)), 72),
  accounts: z.array(account).check(z.minLength(1)),
})

/**
 * A stage configuration with every default filled in. It has at least one account, and at most one of them is
 * the default.
 */
export type StageConfig = z.infer<typeof stageConfigSchema>
/** The consumer tokens that an account accepts. Everything must match exactly. */
export type TokensConfig = z.infer<typeof tokens>
/** Where the challenges of anonymous forms are verified, and the hosts on which they may have been solved. */
export type BotCheckConfig = z.infer<typeof botCheck>
export type AccountConfig = z.infer<typeof account>
export type RouteConfig = z.infer<typeof route>

/**
 * Returns the input as a stage configuration.
 *
 * @param options.name The file's name, for the error.
 * @param options.loopback Whether http URLs on this machine are allowed. They are only if the Domain API is
 * on it too.
 * @throws {InvalidConfigError} Lists every mistake.
 */
export const parseStageConfig = (
  input: unknown,
  { name, loopback }: { readonly name: string; readonly loopback: boolean },
): StageConfig => {
  const result = check(stageConfigSchema, input)
  const findings = 'findings' in result ? result.findings : contradictions(result.data, loopback)
  if ('data' in result && findings.length === 0) return result.data
  const list = findings.map(({ path, message }) => `${path || 'the file'} ${message}`).join('; ')
  throw new InvalidConfigError({ detail: `${name}: ${list}.` })
}

/** Mistakes that no single member shows. */
const contradictions = ({ origins, accounts }: StageConfig, loopback: boolean): Finding[] => {
  const findings: Finding[] = []
  const routes = new Map<string, string>()
  const ids = new Set<string>()
  origins.forEach((origin, index) => {
    if (origin !== '*' && !(URL.canParse(origin) && new URL(origin).origin === origin))
      findings.push({
        path: `origins.${index}`,
        message: 'must be written as browsers send it: in lower case, without the default port',
      })
  })
  accounts.forEach((account, index) => {
    const at = `accounts.${index}`
    const { consumers, tokens, botCheck } = account.form
    if (ids.has(account.accountId)) findings.push({ path: `${at}.accountId`, message: 'is a duplicate' })
    ids.add(account.accountId)
    if (account.default && accounts.findIndex((other) => other.default) < index)
      findings.push({ path: `${at}.default`, message: 'is true, but another account is the default already' })
    if (consumers !== 'anonymous' && !tokens)
      findings.push({ path: `${at}.form.tokens`, message: `is missing, but consumers is ${consumers}` })
    if (tokens && !isSecure(tokens.jwksUrl, loopback))
      findings.push({ path: `${at}.form.tokens.jwksUrl`, message: 'must be an https URL' })
    if (botCheck && !isSecure(botCheck.verifyUrl, loopback))
      findings.push({ path: `${at}.form.botCheck.verifyUrl`, message: 'must be an https URL' })
    if (botCheck && consumers === 'token')
      findings.push({
        path: `${at}.form.botCheck`,
        message: 'applies to anonymous forms only, but consumers is token',
      })
    if (tokens && origins.includes('*'))
      findings.push({ path: 'origins', message: 'must not contain * if an account accepts tokens' })
    for (const name of Object.keys(account.routes)) {
      const other = routes.get(name)
      if (other !== undefined)
        findings.push({ path: `${at}.routes.${name}`, message: `is already a route of account ${other}` })
      routes.set(name, account.accountId)
    }
  })
  return findings
}
