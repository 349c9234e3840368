import * as z from 'zod/mini'
import { type Finding, InvalidConfigError } from '../errors/errors.ts'
import { isLoopback, isSecure } from '../net/loopback.ts'
import { check } from '../request/check.ts'
import { accountId, campaign, DOORS, type Door, routeName, ttr } from '../request/conversation-request.ts'
import { engagementAttributes } from '../request/engagement-attributes.ts'
import { isRecord, type JsonRecord } from '../request/lenient-json.ts'
import { conflictsOf, tokenIssuer, tokenWarnings } from './tokens.ts'

const url = z.url()
/** An address is kept as browsers write it, in ASCII. A header can have nothing else. */
const inAscii = z.overwrite<string>((value) => URL.parse(value)?.href ?? value)
const httpsUrl = z.url({ protocol: /^https$/, error: 'must be an https URL' }).check(inAscii)
const pageUrl = z.url({ protocol: /^https?$/, error: 'must be the address of a page' }).check(inAscii)
const consumers = z.enum(['anonymous', 'token', 'both'])
const campaigns = z.enum(['listed', 'any'])

const hostname = z
  .string()
  .check(
    z.regex(
      /^[a-z0-9-]+(\.[a-z0-9-]+)*$/,
      'must be the name of a host in lower case, such as www.example.com, without https:// or a port',
    ),
  )

const botCheck = z.strictObject({
  verifyUrl: url,
  hostnames: z
    .array(hostname, {
      error: ({ input }) =>
        input === undefined ? 'is missing: list the hosts of the pages with the form' : undefined,
    })
    .check(z.minLength(1)),
})

const route = z.strictObject({
  ...campaign.shape,
  ttr: z._default(ttr, 'NORMAL'),
  ttrAllowed: z._default(z.array(ttr), []),
  doors: z
    .array(z.enum(DOORS), {
      error: ({ input }) =>
        input === undefined
          ? `is missing: list the doors that may use it, of ${DOORS.join(', ')}`
          : undefined,
    })
    .check(z.minLength(1)),
  consumers: z.optional(consumers),
  engagementAttributes: z._default(engagementAttributes, []),
  thanks: z.optional(pageUrl),
  problem: z.optional(pageUrl),
})

const account = z.strictObject({
  accountId,
  default: z.optional(z.boolean()),
  form: z._default(
    z.strictObject({
      consumers: z._default(consumers, 'anonymous'),
      campaigns: z._default(campaigns, 'listed'),
      anonymousAttributes: z._default(z.enum(['rejected', 'allowed']), 'rejected'),
      tokens: z.optional(z.array(tokenIssuer).check(z.minLength(1))),
      botCheck: z.optional(botCheck),
    }),
    { consumers: 'anonymous', campaigns: 'listed', anonymousAttributes: 'rejected' },
  ),
  continue: z.optional(httpsUrl),
  queue: z._default(z.strictObject({ campaigns: z._default(campaigns, 'any') }), { campaigns: 'any' }),
  onLostAnswer: z._default(z.enum(['repeat', 'hold']), 'repeat'),
  routes: z._default(z.record(routeName, route), {}),
})

const isCanonical = (origin: string) => {
  const { protocol, host, origin: web } = URL.parse(origin) ?? {}
  // A URL with the scheme of an app, such as capacitor, has no origin by the URL standard.
  return origin === (/^https?:$/.test(protocol ?? '') ? web : `${protocol}//${host}`.toLowerCase())
}

const isSafeOrigin = (origin: string) => {
  const parsed = URL.parse(origin)
  if (parsed?.protocol !== 'http:') return true
  // Browsers keep the names under localhost on this machine. Tauri uses one on Windows.
  return isLoopback(parsed.hostname) || parsed.hostname.endsWith('.localhost')
}

/**
 * Origins as browsers send them that are no origin by the URL standard: `*` stands for all, `null` for a
 * browser that sends none, and Cordova's pages on Android have `file://`.
 */
const SPECIAL_ORIGINS: readonly string[] = ['*', 'null', 'file://']

/** Apps have schemes of their own. */
const origin = z.string().check(
  z.regex(
    /^(\*|null|file:\/\/|(?!(about|blob|data|file|ftp|javascript|wss?):)[a-z][a-z0-9+.-]*:\/\/[^/\s*]+)$/,
    {
      error: 'must be an origin such as https://www.example.com',
      abort: true,
    },
  ),
  z.refine((value) => SPECIAL_ORIGINS.includes(value) || isCanonical(value), {
    error: 'must be written as browsers send it: in lower case, without the default port',
    abort: true,
  }),
  z.refine(isSafeOrigin, 'must use https: only pages on this machine (localhost, 127.0.0.1) may use http'),
)

const headerName = z
  .string()
  .check(
    z.regex(/^[a-z0-9-]{1,64}$/, 'must be the name of a header in lower case, such as x-datadog-trace-id'),
  )

/** The schema of `config/<stage>.json`. `config/schema.json` is generated from it. */
export const stageConfigSchema = z.strictObject({
  $schema: z.optional(z.string()),
  origins: z._default(z.array(origin), []),
  allowedHeaders: z._default(z.array(headerName), []),
  giveUpAfterHours: z._default(z.int().check(z.minimum(1), z.maximum(168)), 72),
  accounts: z.array(account).check(z.minLength(1)),
})

/**
 * A stage configuration with every default filled in. It has at least one account, and at most one of them is
 * the default.
 */
export type StageConfig = z.infer<typeof stageConfigSchema>
/** Where the challenges of anonymous forms are verified, and the hosts on which they may have been solved. */
export type BotCheckConfig = z.infer<typeof botCheck>
export type AccountConfig = z.infer<typeof account>
/**
 * A route. `consumers` is never wider than the account's, and `undefined` if it is the same. `ttrAllowed` has
 * the values of `ttr` that a form may choose besides the route's own. `thanks` and `problem` are pages of
 * listed origins.
 */
export type RouteConfig = z.infer<typeof route>

/** A stage configuration, unless it has a mistake. */
export interface CheckedStage {
  readonly stage?: StageConfig
  readonly mistakes: readonly Finding[]
}

/**
 * Returns the input as a stage configuration, and every mistake in it.
 *
 * @param options.loopback Whether http URLs on this machine are allowed. They are only if the Domain API is
 * on it too.
 */
export const checkStageConfig = (
  input: unknown,
  { loopback }: { readonly loopback: boolean },
): CheckedStage => {
  const result = check(stageConfigSchema, input)
  const mistakes = [
    ...('findings' in result ? result.findings : []),
    ...contradictions(readParts(input), loopback),
  ]
  return 'data' in result && mistakes.length === 0 ? { stage: result.data, mistakes } : { mistakes }
}

/**
 * Returns the input as a stage configuration.
 *
 * @param options.name The file's name, for the error.
 * @param options.loopback As for {@link checkStageConfig}.
 * @throws {InvalidConfigError} Lists every mistake.
 */
export const parseStageConfig = (
  input: unknown,
  { name, loopback }: { readonly name: string; readonly loopback: boolean },
): StageConfig => {
  const { stage, mistakes } = checkStageConfig(input, { loopback })
  if (stage) return stage
  const list = mistakes.map(({ path, message }) => `${path || 'the file'} ${message}`).join('; ')
  throw new InvalidConfigError({ detail: `${name}: ${list}.` })
}

/** Returns what an operator should know about a valid configuration. Nothing of it stops a deploy. */
export const warningsOf = ({ origins, accounts }: StageConfig): Finding[] => [
  ...(origins.length === 0 && accounts.some((account) => isOpen(account, 'form', accounts))
    ? [NO_ORIGINS]
    : []),
  ...(accounts.length > 1 && !accounts.some((account) => account.default) ? [NO_DEFAULT] : []),
  ...accounts.flatMap((account, index) => {
    const at = `accounts.${index}`
    const { consumers, tokens = [] } = account.form
    return [
      ...(DOORS.some((door) => isOpen(account, door, accounts)) ? [] : [{ path: at, message: NOT_USABLE }]),
      ...(consumers === 'anonymous' && tokens.length > 0
        ? [
            {
              path: `${at}.form.tokens`,
              message: 'is not used, because consumers is anonymous. Set consumers to token or both',
            },
          ]
        : tokens.flatMap((entry, number) => tokenWarnings(entry, `${at}.form.tokens.${number}`))),
      ...Object.entries(account.routes).flatMap(([name, route]) =>
        unusedMembers(route, `${at}.routes.${name}`),
      ),
    ]
  }),
]

/**
 * Returns whether a door has a way to the account. A form can't name it, so it needs a route or the default.
 */
const isOpen = (
  { routes, ...account }: AccountConfig,
  door: Door,
  { length }: StageConfig['accounts'],
): boolean =>
  Object.values(routes).some(({ doors }) => doors.includes(door)) ||
  (account[door].campaigns === 'any' && (door === 'queue' || length === 1 || account.default === true))

const NO_ORIGINS = {
  path: 'origins',
  message:
    'is empty, so forms on web pages are refused. List the sites that have them, such as https://www.example.com',
}
const NO_DEFAULT = {
  path: 'accounts',
  message:
    'has several accounts and no default, so a request without a route is refused unless it names its account.' +
    ' Mark one account with "default": true if that is not wanted',
}
const NOT_USABLE =
  'can not be used: it has no route, and neither forms nor events can use it without one. Add a route, or set' +
  ' queue.campaigns to any'

const unusedMembers = (
  { doors, consumers, ttrAllowed, thanks, problem }: RouteConfig,
  at: string,
): Finding[] => {
  if (doors.includes('form')) return []
  const message = 'is not used, because doors has no form. Remove it, or add form to doors'
  return Object.entries({ consumers, ttrAllowed: ttrAllowed[0], thanks, problem })
    .filter(([, value]) => value !== undefined)
    .map(([name]) => ({ path: `${at}.${name}`, message }))
}

/** The valid parts of a file. `undefined` stands for a part that is missing or invalid. */
type Parts = ReturnType<typeof readParts>

/** Reads the parts one by one, so that a mistake in one doesn't hide contradictions between the others. */
const readParts = (input: unknown) => {
  const { origins, accounts } = toRecord(input)
  return { origins: toList(origins), accounts: toList(accounts).map(readAccount) }
}

const readAccount = (input: unknown) => {
  const { accountId: id, default: isDefault, form, routes } = toRecord(input)
  const { consumers: given = 'anonymous', tokens, botCheck } = toRecord(form)
  return {
    accountId: partOf(accountId, id),
    isDefault: isDefault === true,
    consumers: partOf(consumers, given),
    tokens: tokens === undefined ? undefined : toList(tokens).map(readTokenIssuer),
    verifyUrl: partOf(url, toRecord(botCheck).verifyUrl),
    hasBotCheck: botCheck !== undefined,
    routes: Object.entries(toRecord(routes)).map(([name, route]) => ({
      name,
      consumers: partOf(consumers, toRecord(route).consumers),
      pages: ['thanks', 'problem'].map(
        (member) => [member, partOf(pageUrl, toRecord(route)[member])] as const,
      ),
      types: toList(toRecord(route).engagementAttributes).map((attribute) => toRecord(attribute).type),
    })),
  }
}

const readTokenIssuer = (input: unknown) => {
  const { issuer, jwksUrl, consumerId } = toRecord(input)
  const { shape } = tokenIssuer
  return {
    issuer: partOf(shape.issuer, issuer),
    jwksUrl: partOf(url, jwksUrl),
    prefix: partOf(shape.consumerId.shape.prefix, toRecord(consumerId).prefix),
  }
}

const toRecord = (value: unknown): JsonRecord => (isRecord(value) ? value : {})
const toList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
const partOf = <T extends z.ZodMiniType>(schema: T, value: unknown): z.infer<T> | undefined => {
  const result = check(schema, value)
  return 'data' in result ? result.data : undefined
}

const NOT_SECURE = 'must be an https URL with the name of a host (no IP address), without user or password'

const isOfListed = (page: string, origins: readonly unknown[]): boolean => {
  const { origin } = new URL(page)
  return origins.includes(origin) || (origins.includes('*') && isSafeOrigin(origin))
}

/** Mistakes that no single member shows. */
const contradictions = ({ origins, accounts }: Parts, loopback: boolean): Finding[] => {
  const findings: Finding[] = []
  const ids = new Set<string>()
  const owners = new Map<string, string>()
  if (accounts.some(({ tokens }) => tokens))
    for (const wide of ['*', 'null'])
      if (origins.includes(wide))
        findings.push({
          path: 'origins',
          message: `must not contain ${wide} if an account accepts tokens: list the sites`,
        })
  accounts.forEach(({ accountId, isDefault, consumers, tokens, routes, ...account }, index) => {
    const at = `accounts.${index}`
    if (accountId !== undefined && ids.has(accountId))
      findings.push({ path: `${at}.accountId`, message: 'is listed twice: write one entry per account' })
    if (accountId !== undefined) ids.add(accountId)
    if (isDefault && accounts.findIndex((other) => other.isDefault) < index)
      findings.push({
        path: `${at}.default`,
        message: 'is true, but another account is the default already: mark one of them only',
      })
    if ((consumers === 'token' || consumers === 'both') && !tokens)
      findings.push({
        path: `${at}.form.tokens`,
        message: `is missing, but consumers is ${consumers}: add the issuers, or set consumers to anonymous`,
      })
    tokens?.forEach(({ jwksUrl }, number) => {
      if (jwksUrl !== undefined && !isSecure(jwksUrl, loopback))
        findings.push({ path: `${at}.form.tokens.${number}.jwksUrl`, message: NOT_SECURE })
    })
    findings.push(...conflictsOf(tokens ?? [], `${at}.form.tokens`))
    if (account.verifyUrl !== undefined && !isSecure(account.verifyUrl, loopback))
      findings.push({ path: `${at}.form.botCheck.verifyUrl`, message: NOT_SECURE })
    if (account.hasBotCheck && consumers === 'token')
      findings.push({
        path: `${at}.form.botCheck`,
        message: 'applies to anonymous forms only, but consumers is token: remove one of them',
      })
    for (const route of routes) {
      const owner = owners.get(route.name)
      if (owner !== undefined)
        findings.push({
          path: `${at}.routes.${route.name}`,
          message: `is already a route of ${owner}: choose another name`,
        })
      owners.set(route.name, accountId === undefined ? 'another account' : `account ${accountId}`)
      route.types.forEach((type, number) => {
        if (type !== undefined && route.types.indexOf(type) < number)
          findings.push({
            path: `${at}.routes.${route.name}.engagementAttributes.${number}.type`,
            message: 'is in the list twice: write one attribute per type, with all its members',
          })
      })
      for (const [member, page] of route.pages)
        if (page !== undefined && !isOfListed(page, origins))
          findings.push({
            path: `${at}.routes.${route.name}.${member}`,
            message: 'must be a page of a site that origins lists',
          })
      if (route.consumers && consumers && consumers !== 'both' && route.consumers !== consumers)
        findings.push({
          path: `${at}.routes.${route.name}.consumers`,
          message: `must not be wider than the account's consumers, which is ${consumers}: remove it, or change the account's`,
        })
    }
  })
  return findings
}
