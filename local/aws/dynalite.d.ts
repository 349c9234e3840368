declare module 'dynalite' {
  import type { Server } from 'node:http'

  export default function dynalite(options: { readonly createTableMs?: number }): Server
}

declare module 'dynalite/db/index.js' {
  type Done = (error?: unknown) => void

  /** The items of one table. */
  export interface ItemDb {
    get(key: string, done: (error: unknown, item?: object) => void): void
    put(key: string, item: object, done: Done): void
    del(key: string, done: Done): void
  }

  const database: {
    create(options: object): { getItemDb(table: string): ItemDb }
  }
  export default database
}
