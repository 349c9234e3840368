import { expect, test } from 'vitest'
import { readEnvelope } from '../../../../local/liveperson/messaging/envelope.ts'

const valid = { kind: 'req', id: 'p', type: 'ms.PublishEvent', body: {} }

test.each([
  ['a text id', 'p', 'p'],
  ['a numeric id', 7, '7'],
  ['an id of 64 characters', 'ø'.repeat(64), 'ø'.repeat(64)],
])('%s is accepted, and is text from then on', (_, given, id) => {
  expect(readEnvelope({ ...valid, id: given })).toEqual({ id, type: 'ms.PublishEvent', body: {} })
})

test.each([
  ['null', null, 'A request must be an object'],
  ['an array', [valid], 'A request must be an object'],
  ['another kind', { ...valid, kind: 'resp' }, 'kind must be req'],
  ['an empty id', { ...valid, id: '' }, 'id must have 1 to 64 characters'],
  ['an id of 65 characters', { ...valid, id: 'x'.repeat(65) }, 'id must have 1 to 64 characters'],
  ['an id that is an object', { ...valid, id: {} }, 'id must have 1 to 64 characters'],
  ['no type', { ...valid, type: undefined }, 'type is missing'],
  ['a body that is an array', { ...valid, body: [] }, 'body must be an object'],
])('%s is refused', (_, value, problem) => {
  expect(readEnvelope(value)).toBe(problem)
})
