import { expect, test } from 'vitest'
import { createTableStream } from '../../../local/aws/table-stream.ts'

const NOW = 1_764_150_000_999

test("a record has DynamoDB's shape, and a number above the one before", () => {
  const stream = createTableStream({ arn: 'arn:stream', now: () => NOW })
  const oldImage = { pk: { S: 'a' }, n: { N: '1' } }
  const newImage = { pk: { S: 'a' }, n: { N: '2' } }
  stream.push({ newImage: oldImage })
  stream.push({ oldImage, newImage })
  stream.push({ oldImage: newImage })
  const records = stream.take(10)
  expect(records.map(({ eventName }) => eventName)).toEqual(['INSERT', 'MODIFY', 'REMOVE'])
  expect(records[1]).toEqual({
    eventID: expect.stringMatching(/^[0-9a-f]{32}$/),
    eventName: 'MODIFY',
    eventVersion: '1.1',
    eventSource: 'aws:dynamodb',
    awsRegion: 'eu-west-1',
    dynamodb: {
      ApproximateCreationDateTime: 1_764_150_000,
      Keys: { pk: { S: 'a' } },
      NewImage: newImage,
      OldImage: oldImage,
      SequenceNumber: expect.stringMatching(/^\d{21,40}$/),
      SizeBytes: expect.any(Number),
      StreamViewType: 'NEW_AND_OLD_IMAGES',
    },
    eventSourceARN: 'arn:stream',
  })
  const numbers = records.map(({ dynamodb }) => dynamodb?.SequenceNumber ?? '')
  expect(numbers).toEqual(numbers.toSorted())
  expect(new Set(numbers).size).toBe(3)
})

test('a write that changes nothing leaves no record', () => {
  const stream = createTableStream({ arn: 'arn:stream' })
  // As dynalite has them: without a prototype.
  const image = () => Object.assign(Object.create(null), { pk: { S: 'a' }, list: { L: [{ N: '1' }] } })
  stream.push({ oldImage: image(), newImage: image() })
  expect(stream.size()).toBe(0)
})
