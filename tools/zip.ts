import { inflateRawSync } from 'node:zlib'

/** A file in a zip. */
export interface ZipEntry {
  readonly name: string
  /** The unpacked size, in bytes. */
  readonly size: number
  /** The permissions and the kind of file, as in a Unix file system. */
  readonly mode: number
  read(): Buffer
}

/**
 * Returns a zip's files, without folders. Supports what `serverless package` writes: no encryption, no zip64.
 *
 * @throws {Error} The buffer is not a zip.
 * @see https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT section 4.3
 */
export function readZip(zip: Buffer): ZipEntry[] {
  return headersOf(zip)
    .map((header) => ({
      name: nameOf(zip, header),
      size: zip.readUInt32LE(header + 24),
      mode: zip.readUInt16LE(header + 40),
      read: () => readContent(zip, header),
    }))
    .filter(({ name }) => !name.endsWith('/'))
}

/** A regular file that its owner may change and everyone may read, and a folder that everyone may list. */
const MODES = { file: 0o100644, folder: 0o040755 }
const UNIX = 3

/**
 * Returns a copy of a zip in which everyone may read every file.
 *
 * @throws {Error} The buffer is not a zip.
 */
export function withReadableFiles(zip: Buffer): Buffer {
  const copy = Buffer.from(zip)
  for (const header of headersOf(copy)) {
    const { file, folder } = MODES
    copy.writeUInt8(UNIX, header + 5)
    copy.writeUInt16LE(nameOf(copy, header).endsWith('/') ? folder : file, header + 40)
  }
  return copy
}

/** Returns where the header of each file is in a zip's central directory. */
function headersOf(zip: Buffer): readonly number[] {
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'))
  if (end < 0) throw new Error('This is not a zip.')
  const headers: number[] = []
  let at = zip.readUInt32LE(end + 16)
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    headers.push(at)
    at += 46 + zip.readUInt16LE(at + 28) + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32)
  }
  return headers
}

const nameOf = (zip: Buffer, header: number): string =>
  zip.toString('utf8', header + 46, header + 46 + zip.readUInt16LE(header + 28))

function readContent(zip: Buffer, header: number): Buffer {
  const local = zip.readUInt32LE(header + 42)
  const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28)
  const packed = zip.subarray(start, start + zip.readUInt32LE(header + 20))
  const isStored = zip.readUInt16LE(header + 10) === 0
  return isStored ? packed : inflateRawSync(packed)
}
