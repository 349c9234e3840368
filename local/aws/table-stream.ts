import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { AttributeValue, DynamoDBRecord } from 'aws-lambda'
import { REGION } from './sdk.ts'

/** The attributes of an item as DynamoDB stores them. */
export type Image = Readonly<Record<string, AttributeValue>>

/** A write of one item. */
export interface TableWrite {
  /** Undefined: the item was new. */
  readonly oldImage?: Image | undefined
  /** Undefined: the item was deleted. */
  readonly newImage?: Image | undefined
}

export type TableStream = ReturnType<typeof createTableStream>

/**
 * Returns the stream of a table, with old and new images. It has one shard, so it keeps the order of all
 * writes. A write that changes nothing leaves no record, as in DynamoDB.
 *
 * @param options.arn The stream's ARN.
 * @param options.now Milliseconds since the epoch. Default: the system's clock.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
 */
export function createTableStream({
  arn,
  now = Date.now,
}: {
  readonly arn: string
  readonly now?: () => number
}) {
  const records: DynamoDBRecord[] = []
  let written = 0
  let wake = () => {}

  return {
    arn,

    /** Adds the record of a write. */
    push({ oldImage, newImage }: TableWrite): void {
      const image = newImage ?? oldImage
      if (image === undefined || isDeepStrictEqual(plain(oldImage), plain(newImage))) return
      written += 1
      records.push({
        eventID: randomUUID().replaceAll('-', ''),
        eventName: newImage === undefined ? 'REMOVE' : oldImage === undefined ? 'INSERT' : 'MODIFY',
        eventVersion: '1.1',
        eventSource: 'aws:dynamodb',
        awsRegion: REGION,
        dynamodb: {
          ApproximateCreationDateTime: Math.floor(now() / 1000),
          Keys: { pk: image.pk ?? { S: '' } },
          ...(newImage && { NewImage: { ...newImage } }),
          ...(oldImage && { OldImage: { ...oldImage } }),
          // DynamoDB's have 21 to 40 digits. Records are in their order.
          SequenceNumber: String(10n ** 23n + BigInt(written)),
          SizeBytes: Buffer.byteLength(JSON.stringify([oldImage, newImage])),
          StreamViewType: 'NEW_AND_OLD_IMAGES',
        },
        eventSourceARN: arn,
      })
      wake()
    },

    /** Removes and returns the oldest records. */
    take: (count: number): DynamoDBRecord[] => records.splice(0, count),

    /** Resolves once there is a record, or at the latest when the signal is aborted. */
    async wait(signal: AbortSignal): Promise<void> {
      if (records.length > 0 || signal.aborted) return
      await new Promise<void>((resolve) => {
        wake = resolve
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
    },

    /** Returns how many records wait. */
    size: () => records.length,
  }
}

/** dynalite's maps have no prototype, so they would equal no others. */
const plain = (image: Image | undefined): unknown =>
  image === undefined ? undefined : JSON.parse(JSON.stringify(image))
