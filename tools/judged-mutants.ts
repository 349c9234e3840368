/** Why it is right that no test notices some mutants of the pure parts. */
export interface Judgement {
  readonly because: string
  /** The changes, as `before -> after`, by the path of the file and the line in which they begin. */
  readonly of: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>
}

/**
 * The mutants of the pure parts that no test notices, with the reason. `npm run test:mutation` prints those
 * that are missing here.
 */
export const JUDGED: readonly Judgement[] = [
  {
    because: 'A claim that is not held is not changed by its release.',
    of: {
      'lib/conversation/protocol.ts': {
        "const released = progress.claim === 'claimed' ? release('queued', facts, failure?.code) : facts": [
          "progress.claim === 'claimed' -> true",
        ],
      },
    },
  },
  {
    because: 'A context is at the first or second level, where nothing is too deep.',
    of: {
      'lib/request/strict-json.ts': {
        'if (levels.length >= MAX_DEPTH && levels.length < context)': [
          'levels.length < context -> levels.length <= context',
        ],
      },
    },
  },
  {
    because: 'A context that is undefined counts as absent.',
    of: {
      'lib/request/form.ts': {
        'return { input: { ...Object(rest), ...(context !== undefined && { context }) }, findings }': [
          'context !== undefined -> true',
        ],
      },
    },
  },
  {
    because: 'A doubt has no attempt, so that it is no final refusal either.',
    of: {
      'lib/conversation/facts.ts': {
        "case 'in_doubt':": ["case 'in_doubt': return false -> case 'in_doubt':"],
      },
    },
  },
  {
    because: 'A form is never redelivered.',
    of: {
      'lib/conversation/protocol.ts': {
        "policy.carrier !== 'memory' && policy.isRedelivered && deathsOf(claim) >= policy.isolateAfterDeaths":
          ["policy.carrier !== 'memory' -> true", '\'memory\' -> ""'],
      },
    },
  },
  {
    because: 'A look-up that failed is not overdue, and the next case keeps the request, too.',
    of: {
      'lib/conversation/protocol.ts': {
        "case 'failed':": ["case 'failed': return keepForLater(known, policy) -> case 'failed':"],
      },
    },
  },
  {
    because: 'A parsed request has no null.',
    of: {
      'lib/request/identity.ts': {
        "if (typeof value !== 'object' || value === null) return value": ['value === null -> false'],
      },
    },
  },
  {
    because: 'A path that leads nowhere marks nothing.',
    of: {
      'lib/request/strict-json.ts': {
        'const duplicates: Path[] = []': ['[] -> ["Stryker was here"]'],
      },
    },
  },
  {
    because:
      'A pattern has found an id without words before, and a last word of several has a character before it.',
    of: {
      'lib/request/placeholder.ts': {
        'if (last === undefined) return false': ['last === undefined -> false', 'false -> true'],
        "const separator = id.at(id.lastIndexOf(last) - 1) ?? ''": ['\'\' -> "Stryker was here!"'],
      },
    },
  },
  {
    because: 'A record that may be given up is given up before it is handed over.',
    of: {
      'lib/conversation/protocol.ts': {
        "progress.handOver !== 'done' &&": ["progress.handOver !== 'done' -> true", '\'done\' -> ""'],
      },
    },
  },
  {
    because: 'A request that was settled has a conversation.',
    of: {
      'lib/conversation/facts.ts': {
        "conversation.kind === 'opened' || conversation.kind === 'existing'": [
          "conversation.kind === 'opened' || conversation.kind === 'existing' -> true",
        ],
      },
    },
  },
  {
    because: 'A request whose attempts died is in doubt, and so is given up as interrupted or unknown.',
    of: {
      'lib/conversation/protocol.ts': {
        "return { kind: 'record', facts: code === 'interrupted' ? withoutDeaths(released) : released }": [
          "code === 'interrupted' -> true",
        ],
      },
    },
  },
  {
    because: 'After an answer to a message that is not owed, the conversation is known or closed.',
    of: {
      'lib/conversation/protocol.ts': {
        'if (isOwed || (progress.marked && sent === undefined)) return sendTo(last, known, policy)': [
          'sent === undefined -> true',
        ],
      },
    },
  },
  {
    because: 'An attempt without the claim sends nothing, whatever it has marked.',
    of: {
      'lib/conversation/protocol.ts': {
        "messageStateOf(before.message) === 'owed' &&": ["messageStateOf(before.message) === 'owed' -> true"],
        "after.claim.state === 'held' &&": ["after.claim.state === 'held' -> true"],
      },
    },
  },
  {
    because: 'An empty request is an object either way.',
    of: {
      'lib/request/spelling.ts': {
        'isRecord(input) ? (presentOf(input, true) ?? {}) : input': ['true -> false'],
      },
    },
  },
  {
    because: 'An object has no name twice.',
    of: {
      'lib/request/identity.ts': {
        '.sort(([a], [b]) => (a < b ? -1 : 1))': ['a < b -> a <= b'],
      },
    },
  },
  {
    because: 'Date.parse reads more digits than three, and ignores them.',
    of: {
      'lib/request/envelope.ts': {
        "const clock = `${hour}:${minute}:${second === '60' ? '59' : second}.${fraction.padEnd(3, '0').slice(0, 3)}`":
          ["fraction.padEnd(3, '0').slice(0, 3) -> fraction.padEnd(3, '0')"],
      },
    },
  },
  {
    because: 'Equal values are the same value, so either side will do.',
    of: {
      'lib/conversation/facts.ts': {
        "const byId = (a = '', b = ''): number => (a < b ? -1 : 1)": ['a < b -> a <= b'],
        'if (rank !== other) return rank < other ? a : b': ['rank < other -> rank <= other'],
        'return a.attempt === b.attempt ? (a.code < b.code ? a : b) : a.attempt > b.attempt ? a : b': [
          'a.attempt > b.attempt -> a.attempt >= b.attempt',
          'a.code < b.code -> a.code <= b.code',
        ],
        'return a < b ? a : b': ['a < b -> a <= b'],
        'const later = <T>(order: readonly T[], a: T, b: T): T => (order.indexOf(a) >= order.indexOf(b) ? a : b)':
          ['order.indexOf(a) >= order.indexOf(b) -> order.indexOf(a) > order.indexOf(b)'],
        'a.attempt === b.attempt ? later(CLAIMS, a.state, b.state) === a.state : a.attempt > b.attempt': [
          'a.attempt > b.attempt -> a.attempt >= b.attempt',
        ],
      },
    },
  },
  {
    because: 'If all words are nothing, the next rule says the same.',
    of: {
      'lib/request/placeholder.ts': {
        'if (before === undefined || words.filter((word) => NOTHING.test(word)).length > 1) return true': [
          'before === undefined -> false',
        ],
      },
    },
  },
  {
    because: 'If one item matches, the function has returned already.',
    of: {
      'lib/liveperson/answer.ts': {
        'const candidates = matching.length > 1 ? matching : items': [
          'matching.length > 1 -> matching.length >= 1',
        ],
      },
    },
  },
  {
    because:
      'If the own conversation was closed, the request is settled. Otherwise, the closed one is the last known.',
    of: {
      'lib/conversation/protocol.ts': {
        "if (own === undefined && last !== undefined && progress.sent === 'closed')": [
          'own === undefined && last !== undefined -> true',
          'own === undefined && last !== undefined -> own === undefined || last !== undefined',
          'own === undefined -> true',
          'last !== undefined -> true',
        ],
      },
    },
  },
  {
    because: 'If the pattern does not match, nothing else is read.',
    of: {
      'lib/request/envelope.ts': {
        "const [found, date = '', hour = '00', minute = '00', second = '00', fraction = '', zone = 'z'] =": [
          '\'\' -> "Stryker was here!"',
        ],
      },
    },
  },
  {
    because: 'It is only compared with 0.',
    of: {
      'lib/conversation/protocol.ts': {
        'notCreated: progress.notCreated + 1,': ['progress.notCreated + 1 -> progress.notCreated - 1'],
        'recordings: progress.recordings + 1,': ['progress.recordings + 1 -> progress.recordings - 1'],
      },
    },
  },
  {
    because: 'It is only read while the conversation is unknown.',
    of: {
      'lib/conversation/protocol.ts': {
        "{ lookUp: 'known' },": ["{ lookUp: 'known' } -> {}", '\'known\' -> ""'],
      },
    },
  },
  {
    because: 'It is only read while there is neither a conversation nor a refusal.',
    of: {
      'lib/conversation/protocol.ts': {
        "return update({ create: 'ended' }, { conversation, lpConsumerId, openedAt, ...refused })": [
          "{ create: 'ended' } -> {}",
          '\'ended\' -> ""',
        ],
        "{ create: 'ended', failure: seen.error },": ['\'ended\' -> ""'],
      },
    },
  },
  {
    because: 'It is set before it is read, or is only compared with other values.',
    of: {
      'lib/conversation/protocol.ts': {
        "create: 'possible',": ['\'possible\' -> ""'],
        'isLastUnowned: false,': ['false -> true'],
        "forget: 'untried',": ['\'untried\' -> ""'],
        "create: progress.reopenings < MAX_REOPENINGS ? 'possible' : 'ended',": ['\'possible\' -> ""'],
      },
      'lib/request/strict-json.ts': {
        "let string = ''": ['\'\' -> "Stryker was here!"'],
        "levels.push(token === '{' ? { keys: new Set(), key: '' } : { keys: undefined, key: 0 })": [
          '\'\' -> "Stryker was here!"',
        ],
      },
    },
  },
  {
    because: 'It only limits the work for a long list.',
    of: {
      'lib/request/envelope.ts': {
        'return (Array.isArray(list) ? list.slice(0, 2) : [list]).filter(isRecord)': [
          'list.slice(0, 2) -> list',
        ],
      },
    },
  },
  {
    because: 'It only saves a copy.',
    of: {
      'lib/conversation/facts.ts': {
        'Object.values(members).some((value) => value === undefined)': ['value === undefined -> true'],
      },
      'lib/request/envelope.ts': {
        "at === '' || !(error instanceof InvalidRequestError)": [
          "at === '' -> false",
          '\'\' -> "Stryker was here!"',
        ],
      },
    },
  },
  {
    because: 'It only saves work: the schema leaves unknown members out.',
    of: {
      'lib/request/conversation-request.ts': {
        'const known = members.filter(isKnown).map(([name, member]) => [name, Object(member) === member || member])':
          ['members.filter(isKnown) -> members'],
      },
    },
  },
  {
    because: 'Neither is a valid context, and both are left out with the same warning.',
    of: {
      'lib/request/conversation-request.ts': {
        'if (!isRecord(context)) return { ...rest, context: true }': [
          '!isRecord(context) -> false',
          'true -> false',
        ],
        'context: { ...Object.fromEntries(known), ...(members.length > known.length && { others: true }) },':
          ['true -> false'],
      },
      'lib/request/form.ts': {
        'context.set(member, rest.length > 0 || context.has(member) ? true : (value ?? true))': [
          'true -> false',
        ],
        "return context.size === 1 && context.has('') ? true : Object.fromEntries(context)": [
          'true -> false',
        ],
      },
    },
  },
  {
    because: 'Neither text is one that any rule looks for.',
    of: {
      'lib/liveperson/answer.ts': {
        "const text = typeof content.msg === 'string' ? content.msg.toLowerCase() : ''": [
          '\'\' -> "Stryker was here!"',
        ],
        "typeof value === 'string' || typeof value === 'number' ? String(value) : ''": [
          '\'\' -> "Stryker was here!"',
        ],
      },
      'lib/request/envelope.ts': {
        "const text = String(typeof time === 'string' || typeof time === 'number' ? time : '').trim()": [
          '\'\' -> "Stryker was here!"',
        ],
      },
      'lib/request/language.ts': {
        "typeof tag === 'string' && tag.length <= MAX_LENGTH && tag !== 'NaN' ? tag.replaceAll('_', '-') : ''":
          ['\'\' -> "Stryker was here!"'],
        "const [, language = '', script = '', region = '', rest = ''] = TAG.exec(text) ?? []": [
          '\'\' -> "Stryker was here!"',
          '[] -> ["Stryker was here"]',
        ],
      },
    },
  },
  {
    because: 'No list has that name.',
    of: {
      'lib/request/spelling.ts': {
        "const presentOf = (value: unknown, isContainer: boolean, list = ''): unknown => {": [
          '\'\' -> "Stryker was here!"',
        ],
      },
    },
  },
  {
    because: 'Nothing else is thrown.',
    of: {
      'lib/request/form.ts': {
        'if (!(error instanceof InvalidRequestError)) throw error': [
          '!(error instanceof InvalidRequestError) -> false',
        ],
      },
    },
  },
  {
    because: 'Nothing is less than undefined, so that b is returned anyway.',
    of: {
      'lib/conversation/facts.ts': {
        'if (a === undefined || b === undefined) return a ?? b': ['a === undefined -> false'],
      },
    },
  },
  {
    because: 'Number takes no other text, and what is no number is no time.',
    of: {
      'lib/request/envelope.ts': {
        'const number = /^\\d+(\\.\\d+)?(e\\+?\\d+)?$/i.test(text) ? Number(text) : 0': [
          '/^\\d+(\\.\\d+)?(e\\+?\\d+)?$/i -> /\\d+(\\.\\d+)?(e\\+?\\d+)?$/i',
          '/^\\d+(\\.\\d+)?(e\\+?\\d+)?$/i -> /^\\d+(\\.\\d+)?(e\\+?\\d+)?/i',
        ],
      },
    },
  },
  {
    because: 'Only a claim that was given up has the code.',
    of: {
      'lib/conversation/protocol.ts': {
        "(deathsOf(claim) >= policy.maxDeaths || (claim.state === 'given_up' && claim.code === 'interrupted'))":
          ["claim.state === 'given_up' -> true"],
      },
    },
  },
  {
    because: 'Only a field of the context has no value.',
    of: {
      'lib/request/form.ts': {
        "value === undefined || isContext(name) || (value === '' && !IN_A_LIST.test(name))": [
          'value === undefined -> false',
        ],
      },
    },
  },
  {
    because: 'Only a programmer reads the cause of an error that nothing causes.',
    of: {
      'lib/conversation/protocol.ts': {
        "throw new Error(`The step ${step} can't fail`, { cause: [failure, facts] })": [
          '{ cause: [failure, facts] } -> {}',
          '[failure, facts] -> []',
        ],
      },
    },
  },
  {
    because: 'Only a whole form can be empty, and an empty list has no members either.',
    of: {
      'lib/request/form.ts': {
        'const isList = names.length > 0 && indexes.every((index) => Object.hasOwn(tree, index))': [
          'names.length > 0 -> true',
          'names.length > 0 -> names.length >= 0',
        ],
      },
    },
  },
  {
    because: 'The facts of whoever has forgotten it say that there is none, too.',
    of: {
      'lib/conversation/facts.ts': {
        ": { kind: 'none' }": ["{ kind: 'none' } -> {}", '\'none\' -> ""'],
      },
    },
  },
  {
    because: 'The message is passed on with any code.',
    of: {
      'lib/request/schema-parts.ts': {
        "issues.push({ code: 'custom', message: `must have at most ${max} items`, input })": [
          '\'custom\' -> ""',
        ],
      },
    },
  },
  {
    because: 'The pattern has let in two forms of a date only.',
    of: {
      'lib/request/envelope.ts': {
        "const day = date.replace(/^(\\d{4})(\\d\\d)(\\d\\d)$/, '$1-$2-$3')": [
          '/^(\\d{4})(\\d\\d)(\\d\\d)$/ -> /(\\d{4})(\\d\\d)(\\d\\d)$/',
          '/^(\\d{4})(\\d\\d)(\\d\\d)$/ -> /^(\\d{4})(\\d\\d)(\\d\\d)/',
        ],
      },
    },
  },
  {
    because: 'The steps for a record end a form that was handed over in the same way.',
    of: {
      'lib/conversation/protocol.ts': {
        "case 'done':": ['\'done\' -> ""'],
      },
    },
  },
  {
    because: 'The texts of true and false are placeholders.',
    of: {
      'lib/request/envelope.ts': {
        "if (typeof leaf !== 'string' && typeof leaf !== 'number') return true": [
          "typeof leaf !== 'string' && typeof leaf !== 'number' -> false",
        ],
      },
    },
  },
  {
    because: 'The time zone of the tests is UTC, as that of Lambda.',
    of: {
      'lib/request/envelope.ts': {
        "return Date.parse(`${day}T${clock}${hours === undefined ? 'Z' : `${hours}:${minutes}`}`)": [
          '\'Z\' -> ""',
        ],
      },
    },
  },
  {
    because: 'The value is always known there: the check is for the compiler.',
    of: {
      'lib/config/routes.ts': {
        'const configured = route === undefined ? undefined : account.routes[route]': [
          'route === undefined -> false',
        ],
      },
      'lib/conversation/facts.ts': {
        'const earliest = ids.flatMap((id) => all.find(({ conversationId }) => conversationId === id) ?? [])':
          ['[] -> ["Stryker was here"]'],
        "const byId = (a = '', b = ''): number => (a < b ? -1 : 1)": ['\'\' -> "Stryker was here!"'],
        "const bySettlement = ({ by, conversationId = '', at, reason = '' }: Settlement): Ranks => [": [
          '\'\' -> "Stryker was here!"',
        ],
        "const byForgetting = ({ attempt, at, reason = '' }: Forgetting): Ranks => [-attempt, at, reason]": [
          '\'\' -> "Stryker was here!"',
        ],
        "if (a.kind === 'refused' && b.kind === 'refused')": [
          "b.kind === 'refused' -> true",
          "a.kind === 'refused' && b.kind === 'refused' -> true",
          "a.kind === 'refused' && b.kind === 'refused' -> a.kind === 'refused' || b.kind === 'refused'",
          "a.kind === 'refused' -> true",
        ],
      },
      'lib/conversation/protocol.ts': {
        ": quarantine(facts, progress.failure?.code ?? 'internal_error', progress)": [
          '\'internal_error\' -> ""',
          'progress.failure?.code -> progress.failure.code',
        ],
        "quarantine(facts, outcomeOf(facts, false).code ?? 'internal_error', progress)": [
          '\'internal_error\' -> ""',
        ],
        ": done({ kind: 'failed', code: failure?.code ?? 'service_unavailable', ...given({ error: failure }) })":
          ['\'service_unavailable\' -> ""', 'failure?.code -> failure.code'],
        'if (ledger !== undefined && isFinished(ledger, policy.hasMessage)) return afterRecorded(known, policy)':
          ['ledger !== undefined -> true'],
        "return ledger?.handedOver || progress.record === 'failed'": [
          'ledger?.handedOver -> ledger.handedOver',
        ],
        'const ms = Math.max(policy.repeatAfterMs ?? 0, progress.failure?.retryAfterMs ?? 0)': [
          'progress.failure?.retryAfterMs -> progress.failure.retryAfterMs',
        ],
        "if (last === undefined || facts.lpConsumerId === undefined || forget === 'failed')": [
          'last === undefined || facts.lpConsumerId === undefined -> false',
          'last === undefined || facts.lpConsumerId === undefined -> last === undefined && facts.lpConsumerId === undefined',
          'last === undefined -> false',
          'facts.lpConsumerId === undefined -> false',
        ],
        "return lpConsumerId === undefined || progress.forget === 'failed'": [
          'lpConsumerId === undefined -> false',
        ],
        'const isRecorded = ledger !== undefined && isSame(ledger, merge(ledger, settled))': [
          'ledger !== undefined -> true',
        ],
        "quarantine === 'done' || (claim === 'final' && ledger?.claim.state === 'done')": [
          'ledger?.claim -> ledger.claim',
        ],
        "return giveUp(progress.failure?.code ?? 'liveperson_unavailable', known, policy)": [
          '\'liveperson_unavailable\' -> ""',
        ],
      },
      'lib/liveperson/answer.ts': {
        'return isOwnElement && !isSuccess(statusOf(item?.code))': ['item?.code -> item.code'],
        'const isSuccess = (status: number | undefined) => status !== undefined && status >= 200 && status < 300':
          ['status !== undefined -> true'],
      },
      'lib/request/check.ts': {
        "return issue.issues[0]?.message ?? 'is not a valid name'": [
          'issue.issues[0]?.message -> issue.issues[0].message',
          '\'is not a valid name\' -> ""',
        ],
        "return 'options' in issue && Array.isArray(issue.options)": [
          "'options' in issue && Array.isArray(issue.options) -> 'options' in issue || Array.isArray(issue.options)",
        ],
      },
      'lib/request/conversation-request.ts': {
        "const [finding] = 'findings' in result ? result.findings : []": ['[] -> ["Stryker was here"]'],
        "return finding?.message ?? 'is empty'": [
          'finding?.message -> finding.message',
          '\'is empty\' -> ""',
        ],
      },
      'lib/request/form.ts': {
        "const last = parts.pop() ?? ''": ['\'\' -> "Stryker was here!"'],
        "const valueAt = (name: string) => toValue(tree[name] ?? '')": ['\'\' -> "Stryker was here!"'],
      },
      'lib/request/identity.ts': {
        'if (decided.consumerId !== undefined && isDerived(decided.consumerId))': [
          'decided.consumerId !== undefined -> true',
        ],
      },
      'lib/request/strict-json.ts': {
        "if (!isRecord(value) || name === undefined || name === '__proto__') return": [
          '!isRecord(value) || name === undefined -> false',
          '!isRecord(value) || name === undefined -> !isRecord(value) && name === undefined',
          'name === undefined -> false',
        ],
        "if (typeof level?.key === 'number') level.key++": [
          "typeof level?.key === 'number' -> true",
          'level?.key -> level.key',
        ],
        'if (!level?.keys) continue': ['!level?.keys -> false', 'level?.keys -> level.keys'],
        "levels.at(-1)?.key === 'context' && levels.slice(0, -1).every(({ key }) => key === 'detail')": [
          'levels.at(-1)?.key -> levels.at(-1).key',
        ],
      },
    },
  },
  {
    because: 'What is known contains what the ledger holds.',
    of: {
      'lib/conversation/protocol.ts': {
        'const recorded = progress.ledger ?? known.facts': [
          'progress.ledger ?? known.facts -> progress.ledger && known.facts',
        ],
      },
    },
  },
  {
    because: 'Whether a request is finished depends on the attempt of its claim, not on the state.',
    of: {
      'lib/conversation/protocol.ts': {
        "isFinished(withClaim('done', applyLostAnswerPolicy(known.facts, policy)), policy.hasMessage)": [
          '\'done\' -> ""',
        ],
      },
    },
  },
  {
    because: 'Whether there is a message changes neither the id nor the code in an outcome.',
    of: {
      'lib/conversation/matching.ts': {
        'outcomeOf(facts, false).conversationId === undefined': ['false -> true'],
        'const known = outcomeOf(seeker.facts, false).conversationId': ['false -> true'],
      },
      'lib/conversation/protocol.ts': {
        "quarantine(facts, outcomeOf(facts, false).code ?? 'internal_error', progress)": ['false -> true'],
      },
    },
  },
  {
    because: 'Without a unit, there is no number, and so no time.',
    of: {
      'lib/request/envelope.ts': {
        'const [, unit] = EPOCH_UNITS.find(([end]) => number < end) ?? []': ['[] -> ["Stryker was here"]'],
        'return unit === undefined || number < 1e8 ? undefined : Math.round(number * unit)': [
          'unit === undefined -> false',
        ],
      },
    },
  },
  {
    because: 'Without it, the result is undefined, too.',
    of: {
      'lib/request/form.ts': {
        '} catch {': ['{ return undefined } -> {}'],
      },
      'lib/request/lenient-json.ts': {
        '} catch {': ['{ return undefined } -> {}'],
      },
    },
  },
]
