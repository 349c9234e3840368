import { inflateRawSync } from 'node:zlib'

/** A file in a zip. */
export interface ZipEntry {
  readonly name: string
  /** The unpacked size, in bytes. */
  readonly size: number
  read(): Buffer
}

/**
 * Returns a zip's files, without folders. Supports what `serverless package` writes: no encryption, no zip64.
 *
 * @throws {Error} The buffer is not a zip.
 * @see https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT section 4.3
 */
export function readZip(zip: Buffer): ZipEntry[] {
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'))
  if (end < 0) throw new Error('This is not a zip.')
  const entries: ZipEntry[] = []
  let at = zip.readUInt32LE(end + 16)
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const nameLength = zip.readUInt16LE(at + 28)
    const name = zip.toString('utf8', at + 46, at + 46 + nameLength)
    const header = at
    if (!name.endsWith('/')) {
      entries.push({ name, size: zip.readUInt32LE(header + 24), read: () => readContent(zip, header) })
    }
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32)
  }
  return entries
}

function readContent(zip: Buffer, header: number): Buffer {
  const local = zip.readUInt32LE(header + 42)
  const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28)
  const packed = zip.subarray(start, start + zip.readUInt32LE(header + 20))
  const isStored = zip.readUInt16LE(header + 10) === 0
  return isStored ? packed : inflateRawSync(packed)
}
