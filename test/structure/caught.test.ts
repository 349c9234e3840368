import { describe, expect, test } from 'vitest'
import { findSwallowed, type Swallowed } from './caught.ts'
import { readSources } from './source.ts'

/** An error that is dropped on purpose: its failure is the result, or somebody else reports it. */
interface Accepted extends Omit<Swallowed, 'line'> {
  readonly reason: string
  /** How many such places there are. Default: 1. */
  readonly times?: number
}

const INVALID_INPUT =
  'The input is invalid, and that is the result. The message of the error quotes the input.'

const ACCEPTED: readonly Accepted[] = [
  {
    path: 'functions/http/browser.ts',
    within: 'routeOf',
    form: 'catch clause',
    reason: 'A body that can’t be read names no route. The problem already says what is wrong with it.',
  },
  {
    path: 'functions/http/event.ts',
    within: 'idempotencyKeyOf',
    form: 'catch clause',
    reason: 'The findings go on, with the name of the header in place of the path.',
  },
  {
    path: 'functions/http/event.ts',
    within: 'givenRequestId',
    form: 'catch clause',
    reason: 'A body without a readable id has none. Who called this reports what is wrong with the body.',
  },
  { path: 'functions/http/event.ts', within: 'decodeBody', form: 'catch clause', reason: INVALID_INPUT },
  {
    path: 'lib/consumer/token.ts',
    within: 'createKeys',
    form: 'catch clause',
    reason: 'No key fits, so the keys are fetched again. If none fits then, the second search throws.',
  },
  {
    path: 'lib/aws/call.ts',
    within: 'createAwsCall',
    form: '.catch()',
    reason: 'What is caught only says that the call is not repeated. The error of the call itself is thrown.',
  },
  { path: 'lib/request/form.ts', within: 'decode', form: 'catch clause', reason: INVALID_INPUT },
  {
    path: 'lib/request/form.ts',
    within: 'parseWith',
    form: 'catch clause',
    reason: 'The findings go on, together with those about the fields.',
  },
  {
    path: 'lib/request/lenient-json.ts',
    within: 'parseLenientJson',
    form: 'catch clause',
    reason: INVALID_INPUT,
  },
  { path: 'lib/request/strict-json.ts', within: 'parse', form: 'catch clause', reason: INVALID_INPUT },
  { path: 'lib/liveperson/app-jwt.ts', within: 'lifeInClaims', form: 'catch clause', reason: INVALID_INPUT },
  {
    path: 'lib/liveperson/consumer-jws.ts',
    within: 'toConsumerJws',
    form: 'catch clause',
    reason: INVALID_INPUT,
  },
  { path: 'lib/liveperson/push.ts', within: 'optional', form: '.catch()', reason: INVALID_INPUT },
  { path: 'lib/liveperson/push.ts', within: 'listOf', form: '.catch()', reason: INVALID_INPUT },
  {
    path: 'lib/account/secrets.ts',
    within: 'createReadSecret',
    form: 'catch clause',
    reason: 'That there is no such version is a result. Its readers report it with the name of the secret.',
  },
  {
    path: 'lib/aws/state-table.ts',
    within: 'update',
    form: 'catch clause',
    reason: 'That the condition did not hold is a result.',
  },
  {
    path: 'lib/conversation/attempt.ts',
    within: 'error',
    form: '.then(_, f)',
    reason:
      'Without the consumer’s id, a push can’t settle the request. It is returned, or was reported before.',
  },
  {
    path: 'lib/conversation/attempt.ts',
    within: 'createSteps',
    form: '.catch()',
    reason: 'The token is fetched ahead of time. The create needs the same one, and reports the failure.',
  },
  {
    path: 'lib/liveperson/access.ts',
    within: 'callHost',
    form: 'catch clause',
    reason: 'The host has moved, nothing was sent, and the call is made at its new address.',
  },
  {
    path: 'lib/liveperson/access.ts',
    within: 'moved',
    form: '.catch()',
    reason: 'The look-up of the host reports its own failure. The error of the call is thrown.',
  },
  {
    path: 'lib/liveperson/access.ts',
    within: 'issueWithAnySecret',
    form: 'catch clause',
    reason: 'The next secret is tried. If none is accepted, the last refusal is the cause of what is thrown.',
  },
  {
    path: 'lib/net/outbound.ts',
    within: 'exchange',
    form: '.catch()',
    times: 2,
    reason: 'Only an error after the end of the exchange is dropped. Its result is known by then.',
  },
  {
    path: 'lib/net/outbound.ts',
    within: 'exchange',
    form: "on('error')",
    times: 2,
    reason: 'As above. A socket that is destroyed reports that as an error.',
  },
  {
    path: 'lib/net/refreshing.ts',
    within: 'get',
    form: '.catch()',
    reason: 'Nobody waits for this read. `read` reports its failure: see the callers of createRefreshing.',
  },
]

const keyOf = ({ path, within, form }: Omit<Swallowed, 'line'>) => `${path} ${within} ${form}`

describe('an error is thrown, returned or reported', () => {
  test('by every handler in functions/ and lib/, except those that are listed with a reason', () => {
    const sources = readSources(['functions', 'lib'], '.ts').filter(({ path }) =>
      /^(functions|lib)\//.test(path),
    )
    const found = sources.flatMap(findSwallowed).map(keyOf)
    const accepted = ACCEPTED.flatMap((one) => Array<string>(one.times ?? 1).fill(keyOf(one)))
    expect(found.toSorted()).toEqual(accepted.toSorted())
  })

  test('by every reader that nobody waits for', () => {
    const readers = readSources(['lib'], '.ts').filter(({ text }) => /= createRefreshing</.test(text))
    expect(readers.length).toBeGreaterThan(3)
    for (const { path, text } of readers) expect(text, path).toMatch(/\bon\w*(Fail|Failed|Failure)\b/)
  })
})

describe('a planted error that is dropped is found', () => {
  const formsIn = (text: string) =>
    findSwallowed({ path: 'lib/here.ts', text: `const here = async () => { ${text} }` }).map(
      ({ form }) => form,
    )

  test.each<[string, Swallowed['form'], string]>([
    ['without a name', 'catch clause', 'try { work() } catch { return undefined }'],
    ['in an empty clause', 'catch clause', 'try { work() } catch (error) {}'],
    ['that is only tested', 'catch clause', 'try { work() } catch (error) { return error instanceof Error }'],
    ['whose code alone goes on', 'catch clause', 'try { work() } catch (error) { return error.code }'],
    [
      'for a new one without its cause',
      'catch clause',
      "try { work() } catch (error) { throw new Error('x') }",
    ],
    [
      'on one of two paths',
      'catch clause',
      'try { work() } catch (error) { if (error instanceof A) return undefined; throw error }',
    ],
    [
      'on one side of an expression',
      'catch clause',
      'try { work() } catch (error) { return isMine(error) ? undefined : { error } }',
    ],
    ['on the way to the next turn', 'catch clause', 'for (;;) try { work() } catch (error) { continue }'],
    [
      'after a line that names no error',
      'catch clause',
      "try { work() } catch (error) { log.info('Failed') }",
    ],
    ['for another object’s error()', 'catch clause', 'try { work() } catch (e) { screen.error(e) }'],
    ['by a function that does nothing', '.catch()', 'const drop = () => undefined; work().catch(drop)'],
    ['by a function of another file', '.catch()', 'work().catch(drop)'],
    ['by a function that is made', '.catch()', 'const drop = (a) => (e) => undefined; work().catch(drop(1))'],
    ['by an arrow function', '.catch()', 'work().catch(() => undefined)'],
    [
      'after a delay that was skipped',
      '.catch()',
      'delayRecord(queue, receiptHandle, ms).catch(() => undefined)',
    ],
    ['by the second function of then', '.then(_, f)', 'work().then(use, () => undefined)'],
    [
      'of settled promises',
      'allSettled',
      'const [a, b] = await Promise.allSettled([x(), y()]); use(a.reason)',
    ],
    ['of settled promises that nobody looks at', 'allSettled', 'await Promise.allSettled([x(), y()])'],
    ['of an emitter', "on('error')", "socket.on('error', () => undefined)"],
    ['by a callback that is given', 'callback', 'create({ onFailure: () => undefined })'],
    ['by a callback that logs no error', 'callback', "create({ onRenewalFailed: (e) => log.info('x') })"],
  ])('%s', (_, form, text) => {
    expect(formsIn(text)).toEqual([form])
  })

  test.each([
    ['is thrown', 'try { work() } catch (error) { throw error }'],
    ['is the cause of another', "try { work() } catch (cause) { throw new Error('x', { cause }) }"],
    ['is returned', 'try { work() } catch (error) { return { failed: true, error } }'],
    ['is logged', "try { work() } catch (e) { const error = toAppError(e); log.error('x', error) }"],
    ['is logged by a service', "try { work() } catch (error) { service.log.error('x', toAppError(error)) }"],
    ['is passed to a callback', 'work().catch((error) => onFailure(error))'],
    ['is passed to a reporter of the file', 'const report = (e) => log.error("x", e); work().catch(report)'],
    [
      'is thrown by a function that is made',
      'const fail = (a) => (e) => { throw toError(a, e) }; work().catch(fail(1))',
    ],
    ['is reported on both paths', 'work().catch((e) => { if (isMine(e)) onFailed(e); else throw e })'],
    ['rejects a promise', 'new Promise((resolve, reject) => { socket.on("error", reject) })'],
  ])('one that %s is not', (_, text) => {
    expect(formsIn(text)).toEqual([])
  })
})
