import { createHash } from 'node:crypto'
import type { Queues } from '../../lib/aws/queues.ts'
import type { Item, StateTable, Update } from '../../lib/aws/state-table.ts'
import type { AcceptedRequest } from '../../lib/request/conversation-request.ts'
import { FINGERPRINT_VERSION, isDerived } from '../../lib/request/identity.ts'
import type { OpenService } from '../../lib/service/open.ts'

const CURRENT = Number.parseInt(FINGERPRINT_VERSION, 10)
const FINGERPRINT = /^\d+\./
const IN_BODY = /"fingerprint":"(\d+)\./
/** A version before the first one is counted from here down, because a version has no sign. */
const VERSIONS = 1000

const moved = (version: string, by: number): number =>
  (Number.parseInt(version, 10) + by + VERSIONS) % VERSIONS

/**
 * Returns what differs in a later version of the service, whose formula for fingerprints and derived
 * consumers is another one. Its `FINGERPRINT_VERSION` is a constant, so the version in all that it reads and
 * writes is translated instead: it takes fingerprints of its own version for those of the current one.
 *
 * @param formula 1 for the current version, which needs no translation.
 */
export const createFormula = (formula: number) => {
  const shift = formula - 1
  if (shift === 0)
    return {
      tableOf: (table: StateTable) => table,
      queuesOf: (queues: Queues) => queues,
      serviceOf: (service: OpenService) => service,
      bodyOf: (body: string) => body,
    }

  const shifted = (fingerprint: string, by: number): string =>
    `${moved(fingerprint, by)}${fingerprint.slice(fingerprint.indexOf('.'))}`

  const toItem = <T extends Item | undefined>(item: T, by: number): T =>
    typeof item?.fingerprint === 'string' ? { ...item, fingerprint: shifted(item.fingerprint, by) } : item

  const toValues = (values: Item): Item =>
    Object.fromEntries(
      Object.entries(values).map(([name, value]) => [
        name,
        typeof value === 'string' && FINGERPRINT.test(value) && (name === 'fingerprint' || name === 'version')
          ? shifted(value, shift)
          : value,
      ]),
    )

  const toUpdate = ({ set, setIfAbsent, values, ...update }: Update): Update => ({
    ...update,
    set: toItem(set, shift),
    ...(setIfAbsent && { setIfAbsent: toItem(setIfAbsent, shift) }),
    ...(values && { values: toValues(values) }),
  })

  const toBody = (body: string, by: number): string =>
    body.replace(IN_BODY, (_, version: string) => `"fingerprint":"${moved(version, by)}.`)

  const derive = (request: AcceptedRequest): AcceptedRequest => {
    const hash = createHash('sha256').update(`${formula} ${request.fingerprint}`).digest('hex')
    return {
      ...request,
      fingerprint: `${CURRENT}.${hash}`,
      ...(isDerived(request.consumerId) && { consumerId: `request-${hash}` }),
    }
  }

  return {
    tableOf: (table: StateTable): StateTable => ({
      get: async (pk) => toItem(await table.get(pk), -shift),
      getMany: async (pks) => (await table.getMany(pks)).map((item) => toItem(item, -shift)),
      update: async (update) => {
        const { applied, item } = await table.update(toUpdate(update))
        return { applied, item: toItem(item, -shift) }
      },
    }),

    queuesOf: (queues: Queues): Queues => ({
      ...queues,
      handOver: (body, given) => queues.handOver(toBody(body, shift), given),
      quarantine: (body, reason) => queues.quarantine(toBody(body, shift), reason),
    }),

    /** A hand-over holds what the version that accepted it derived. */
    serviceOf: (service: OpenService): OpenService => ({
      ...service,
      attempt: (job, carrier, budget) =>
        service.attempt(
          carrier.kind === 'hand_over' ? job : { ...job, request: derive(job.request) },
          carrier,
          budget,
        ),
    }),

    /** Returns a record's body as this version reads it. */
    bodyOf: (body: string): string => toBody(body, -shift),
  }
}
