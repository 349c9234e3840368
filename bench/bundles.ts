import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Bundle, bundleEntries, packagesBytes } from '../tools/bundle.ts'

/** The services that are compared, in the order of the table. */
export const PEERS = ['ours', 'usual', 'floor'] as const
export type Peer = (typeof PEERS)[number]

export const DOORS = ['form', 'queue'] as const
export type Door = (typeof DOORS)[number]

const ENTRIES: Readonly<Record<Peer, Readonly<Record<Door, string>>>> = {
  ours: { form: 'functions/open-from-form.ts', queue: 'functions/open-from-queue.ts' },
  usual: { form: 'bench/peers/usual-stack/form.ts', queue: 'bench/peers/usual-stack/queue.ts' },
  floor: { form: 'bench/peers/ledger-floor/form.ts', queue: 'bench/peers/ledger-floor/queue.ts' },
}

const ENVIRONMENT_ONLY = './bench/peers/usual-stack/no-credential-provider.ts'

/** How the packaging of a peer differs. Its SDK has all middleware, but no credential providers either. */
const DIFFERENCES: Readonly<Partial<Record<Peer, Parameters<typeof bundleEntries>[1]>>> = {
  usual: {
    // axios is CommonJS in part, which needs `require` in an ES module.
    banner: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    alias: {
      '@aws-sdk/credential-provider-http': ENVIRONMENT_ONLY,
      '@aws-sdk/credential-provider-ini': ENVIRONMENT_ONLY,
      '@aws-sdk/credential-provider-process': ENVIRONMENT_ONLY,
      '@aws-sdk/credential-provider-sso': ENVIRONMENT_ONLY,
      '@aws-sdk/credential-provider-web-identity': ENVIRONMENT_ONLY,
      '@smithy/credential-provider-imds': ENVIRONMENT_ONLY,
      '@smithy/core/event-streams': './tools/no-event-streams.ts',
    },
  },
}

/** A packaged handler. */
export interface Handler {
  readonly file: string
  /** In kB. */
  readonly code: number
  /** In kB, by package. What belongs to no package is in `own`. */
  readonly parts: Readonly<Record<string, number>>
}

/** Packages every handler and the process that runs it, with the options of serverless.yml. */
export const writeBundles = async (folder: string) => {
  const write = async ({ name, code, metafile }: Bundle): Promise<Handler> => {
    const file = join(folder, name, 'handler.mjs')
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, code)
    return { file, code: code.length / 1000, parts: packagesBytes(metafile) }
  }
  const peers = await Promise.all(
    PEERS.map(async (peer) => {
      const entries = DOORS.map((door) => ({ name: `${peer}-${door}`, path: ENTRIES[peer][door] }))
      const [form, queue] = await Promise.all((await bundleEntries(entries, DIFFERENCES[peer])).map(write))
      if (!form || !queue) throw new Error(`${peer} was not bundled`)
      return [peer, { form, queue }] as const
    }),
  )
  const [harness] = await Promise.all(
    (await bundleEntries([{ name: 'container', path: 'bench/container.ts' }])).map(write),
  )
  if (!harness) throw new Error('The container was not bundled')
  return { harness: harness.file, handlers: new Map(peers) }
}
