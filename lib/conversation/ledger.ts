import * as z from 'zod/mini'
import type { Item, StateTable } from '../aws/state-table.ts'
import type { Destination } from '../config/routes.ts'
import type { Code } from '../errors/codes.ts'
import { RequestIdReusedError, ServiceUnavailableError } from '../errors/errors.ts'
import type { AcceptedRequest, Door } from '../request/conversation-request.ts'
import { FINGERPRINT_VERSION, isDerived, sha256 } from '../request/identity.ts'
import type { Warning } from '../request/warnings.ts'
import {
  abandoned,
  closedAtOf,
  type Facts,
  isFinished,
  isSame,
  merge,
  NOTHING,
  type Outcome,
  outcomeOf,
} from './facts.ts'
import {
  consumerItem,
  consumerKey,
  ERASED_LEASE,
  factsAt,
  keysOf,
  type Opener,
  openerOf,
  openersIn,
  openingsIn,
  placeOf,
  type RequestItem,
  type RequestKey,
  requestItem,
  requestKey,
  timesAt,
  toFacts,
  toStored,
  toWrite,
  WRITE_ATTEMPTS,
  waitingName,
} from './ledger-item.ts'
import { addTold, isMissingId } from './matching.ts'

/**
 * How long a claim outlasts its invocation, in milliseconds: twice what two clocks may differ. A container
 * whose clock is fast doesn't take a claim from one that still works.
 */
const CLOCKS_MS = 10_000

/** How many requests of one consumer can wait for an id. An operator settles the others. */
const MAX_WAITING = 20

/** How many characters of the SHA-256 of an item's key tell one holder of a request id from another. */
const HOLDER_LENGTH = 16

interface LeaseOptions {
  readonly leaseId?: string
  readonly lostLeases?: readonly string[]
}

interface Lease {
  readonly leaseId: string
  /** Milliseconds since the epoch. */
  readonly leaseUntil: number
}

/** One request in the ledger, as the attempt that claimed it sees it. */
export interface Entry {
  readonly pk: string
  /** The consumer of the first attempt. A later version of this service may derive another one. */
  readonly consumerId: string
  /** When the request was first claimed, in milliseconds since the epoch. */
  readonly createdAt: number
  /**
   * Adds facts to what the ledger holds, and returns everything that it holds then. Writes nothing if it
   * holds them all. The consumer's item is written in parallel if this request opened a conversation, or ends
   * without the id of one. If a push has already reported that conversation, what it said is added. Costs 1
   * write unit per item, and again for each write of another attempt in the meantime.
   *
   * @throws {ServiceUnavailableError}
   */
  readonly record: (facts: Facts) => Promise<Facts>
}

export type ClaimResult =
  /** `before`: what the ledger held before this claim. */
  | {
      readonly kind: 'claimed'
      readonly entry: Entry
      readonly before: Facts
      /**
       * Until when attempts before this one may have made a create, in milliseconds since the epoch.
       * Undefined: there was none.
       */
      readonly triedUntil?: number
    }
  /** Another attempt holds the claim. `facts`: what the ledger holds. */
  | { readonly kind: 'held'; readonly entry: Entry; readonly facts: Facts }
  /** The request is finished, and nothing is owed. */
  | {
      readonly kind: 'final'
      readonly entry: Entry
      readonly facts: Facts
      /** Set if its ids were erased. */
      readonly isErased?: true
    }

/** What the ledger holds under the id of a form whose challenge is not fresh. */
export type Original =
  /** No request. */
  | { readonly kind: 'none' }
  /** A request that the challenge wasn't spent on, or one with different content. */
  | { readonly kind: 'other' }
  /** The request that spent the challenge. `isHeld`: an attempt holds its claim. */
  | {
      readonly kind: 'same'
      readonly facts: Facts
      readonly hasMessage: boolean
      readonly isHeld: boolean
    }

/** A consumer's last known conversation, and which request opened which of its conversations. */
export interface LastConversation
  extends Pick<z.infer<typeof consumerItem>, 'conversationId' | 'state' | 'openedAt'> {
  readonly openings: readonly Opener[]
}

/** A request as its sender sees it. */
export interface FoundRequest {
  readonly requestId: string
  readonly accountId: string
  readonly outcome: Outcome
  /** What was left out of the request. */
  readonly warnings: readonly Warning[]
}

export type Ledger = ReturnType<typeof createLedger>

/**
 * Returns the record of every request and of each consumer's conversation. A request that nobody repeats
 * costs one claim and one record: 2 write units, and 1 for the consumer's item.
 *
 * Knowledge only grows. Every write is conditional on the item's `revision`. If another attempt wrote first,
 * the facts are merged and written again, so that no attempt can undo what another one learned.
 *
 * Every function throws ServiceUnavailableError if DynamoDB fails.
 *
 * @param options.now Milliseconds since the epoch.
 */
export const createLedger = ({
  table,
  now,
  uuid,
}: {
  readonly table: StateTable
  readonly now: () => number
  readonly uuid: () => string
}) => {
  const times = () => timesAt(now())

  const createEntry = (
    request: AcceptedRequest,
    item: {
      readonly revision: number
      readonly facts: Facts
      readonly consumerId?: string | undefined
      readonly createdAt: number
      /** When the facts of a finished request were written. Default: now. */
      readonly writtenAt?: number
    },
    destination: Pick<Destination, 'campaignId' | 'engagementId'>,
  ): Entry => {
    const { accountId, consumerId, message } = request
    const pk = requestKey(request)
    const hasMessage = message !== undefined
    let seen = { revision: item.revision, facts: item.facts }
    let consumerRecorded: string | undefined

    const recordRequest = async (facts: Facts): Promise<Facts> => {
      for (let attempt = 1; attempt <= WRITE_ATTEMPTS; attempt++) {
        const merged = merge(seen.facts, facts)
        if (isSame(merged, seen.facts)) return merged
        const { applied, item: found } = await table.update({
          pk,
          ...toWrite(seen.facts, merged, hasMessage, now()),
          condition: '#revision = :revision',
          values: { revision: seen.revision },
        })
        if (!applied && found === undefined)
          throw new ServiceUnavailableError({ detail: 'The state table has lost a request.' })
        if (applied) {
          seen = { revision: seen.revision + 1, facts: merged }
          return merged
        }
        const other = z.parse(requestItem, found)
        seen = { revision: other.revision, facts: toFacts(other) }
      }
      throw new ServiceUnavailableError({ detail: 'Other attempts kept writing the same request.' })
    }

    /** Returns the consumer's item as it was before this write. Undefined: there was none, or no write. */
    const writeConsumer = async (facts: Facts): Promise<Item | undefined> => {
      const { conversation, lpConsumerId } = facts
      if (lpConsumerId === undefined) return undefined
      const openedAt = closedAtOf(facts) === undefined ? facts.openedAt : undefined
      const consumerPk = consumerKey(accountId, lpConsumerId)
      /** Finds another place for an opener whose own was taken, if pushes may ask for it. */
      const keepOpener = async (opened: Opener, before: Item | undefined): Promise<void> => {
        if (before?.told === undefined) return
        const place = placeOf(opened, { ...openerOf(opened), ...before })
        if (place) await table.update({ pk: consumerPk, set: place })
      }
      const { conversationId } = outcomeOf(facts, false)
      if (conversationId === undefined) {
        const name = waitingName(pk)
        if (!isMissingId(facts, hasMessage) || consumerRecorded === name) return undefined
        const { item: found } = await table.update({
          pk: consumerPk,
          set: { [name]: pk, ...times() },
          setIfAbsent: { state: 'CLOSE' },
          add: { waiting: 1 },
          condition: `attribute_not_exists(#${name}) AND (attribute_not_exists(#waiting) OR #waiting < :max)`,
          values: { max: MAX_WAITING },
        })
        consumerRecorded = name
        return found
      }
      const written = `${conversationId} ${openedAt}`
      if (conversation.kind !== 'opened' || consumerRecorded === written) return undefined
      const isInferred = seen.facts.openedAt === undefined && facts.openedAt === undefined
      const opened: Opener = { conversationId, openedBy: pk, ...(isInferred && { isInferred }) }
      if (openedAt === undefined) {
        // The id comes from a push or a person, the conversation is closed, or a copy of a finished request
        // has arrived.
        const { item: found } = await table.update({
          ...{ pk: consumerPk, set: times() },
          setIfAbsent: { state: 'CLOSE', ...openerOf(opened) },
        })
        await keepOpener(opened, found)
        consumerRecorded = written
        return found
      }
      const write = await table.update({
        pk: consumerPk,
        set: { conversationId, state: 'OPEN', openedBy: pk, openedAt, ...times() },
        setIfAbsent: openerOf(opened),
        // A push may have reported that it is closed, or an attempt may have found that.
        condition:
          'attribute_not_exists(#openedAt) OR (#openedAt <= :openedAt AND NOT contains(#closedIds, :conversationId)' +
          ' AND (#conversationId <> :conversationId OR #state <> :closed))',
        values: { openedAt, conversationId, closed: 'CLOSE' },
      })
      const { item: found } = write.applied
        ? write
        : await table.update({ pk: consumerPk, set: {}, setIfAbsent: openerOf(opened) })
      await keepOpener(opened, found)
      consumerRecorded = written
      return found
    }

    /**
     * Returns the facts with what pushes reported before the consumer's item named this request. Undefined:
     * nothing.
     */
    const recordConsumer = async (facts: Facts): Promise<Facts | undefined> => {
      const found = await writeConsumer(facts)
      const { told } = found ? z.parse(consumerItem, found) : {}
      if (!found || !told) return undefined
      const { campaignId, engagementId } = destination
      return addTold(
        {
          pk,
          facts,
          ...{ campaignId, engagementId },
          isDerived: isDerived(item.consumerId ?? consumerId),
          createdAt: item.createdAt,
          writtenAt: item.writtenAt ?? now(),
        },
        told,
        openersIn(found),
      )
    }

    return {
      pk,
      consumerId: item.consumerId ?? consumerId,
      createdAt: item.createdAt,
      record: async (facts) => {
        const [request, consumer] = await Promise.allSettled([recordRequest(facts), recordConsumer(facts)])
        if (request.status === 'rejected') throw request.reason
        // An attempt that goes on records again, and then writes the consumer's item, too.
        const isLast = facts.claim.state !== 'held' || isFinished(facts, hasMessage)
        if (consumer.status === 'rejected' && isLast) throw consumer.reason
        const told = consumer.status === 'fulfilled' ? consumer.value : undefined
        return told ? recordRequest(told) : request.value
      },
    }
  }

  /** Continues a claim that nobody works on. If several copies try, one succeeds. */
  const renewClaim = (request: AcceptedRequest, found: RequestItem, lease: Lease): Promise<boolean> =>
    claimIfUnchanged(request, found, lease, 0)

  /** Claims a request whose conversation is open and whose message is owed. */
  const claimAgain = (request: AcceptedRequest, found: RequestItem, lease: Lease): Promise<boolean> =>
    claimIfUnchanged(request, found, lease, 1)

  const claimIfUnchanged = async (
    request: AcceptedRequest,
    { revision }: RequestItem,
    lease: Lease,
    attempts: number,
  ): Promise<boolean> => {
    const { applied, item } = await table.update({
      pk: requestKey(request),
      set: { ...lease, claimState: 'held', ...times() },
      setIfAbsent: challengeOf(request),
      add: { attempts, revision: 1 },
      condition: '#revision = :revision',
      values: { revision },
    })
    // A write whose answer was lost is repeated, and then finds its own claim.
    return applied || item?.leaseId === lease.leaseId
  }

  /** Binds another challenge to a request that can't be claimed. */
  const bindChallenge = async (request: AcceptedRequest, item: Item): Promise<void> => {
    const name = challengeName(request)
    if (name === undefined || Object.hasOwn(item, name)) return
    await table.update({
      pk: requestKey(request),
      set: {},
      setIfAbsent: challengeOf(request),
      condition: 'attribute_exists(#pk)',
    })
  }

  return {
    /**
     * Claims a request: 1 write unit, or 2 if a message is owed, or if the request is held or finished and
     * has a new challenge. If it is held or finished, DynamoDB returns the item with the failed condition. If
     * a finished request opened a conversation, its consumer's item is written again: 1 more write unit.
     *
     * After that, copies with this request's challenge are admitted.
     *
     * @param until When Lambda has certainly ended the invocation that claims, in milliseconds since the
     * epoch.
     * @param options.leaseId Default: a new id.
     * @param options.lostLeases Those of claims that failed. If one was written, this claim continues it.
     * @throws {RequestIdReusedError}
     */
    claim: async (
      request: AcceptedRequest,
      destination: Destination,
      until: number,
      { leaseId = uuid(), lostLeases = [] }: LeaseOptions = {},
    ): Promise<ClaimResult> => {
      const { accountId, door, vouchedBy, requestId, fingerprint, consumerId, route } = request
      const pk = requestKey(request)
      const { campaignId, engagementId } = destination
      const lease = { leaseId, leaseUntil: until + CLOCKS_MS }
      const version = versionOf(fingerprint)
      const lost = Object.fromEntries(lostLeases.map((id, index) => [`lost${index}`, id]))
      const isNotLost = lostLeases.map((_, index) => ` AND #leaseId <> :lost${index}`).join('')
      const { applied, item } = await table.update({
        pk,
        set: {
          ...{ requestId, accountId, door, vouchedBy, campaignId, engagementId, route },
          ...lease,
          claimState: 'held',
          status: 'opening',
          hasMessage: request.message !== undefined,
          ...times(),
        },
        setIfAbsent: {
          fingerprint,
          createdAt: now(),
          finished: false,
          outcomeNumber: 0,
          releases: 0,
          releasedAttempt: 0,
          facts: toStored(NOTHING),
          ...(isDerived(consumerId) && { consumerId }),
          ...(request.warnings.length > 0 && { warnings: request.warnings }),
          ...challengeOf(request),
        },
        remove: ['code'],
        add: { attempts: 1, revision: 1 },
        condition:
          'attribute_not_exists(#pk) OR ((#fingerprint = :fingerprint OR NOT begins_with(#fingerprint, :version))' +
          ` AND #finished = :false AND #leaseUntil < :now AND #status IN (:opening, :queued, :failed)${isNotLost})`,
        values: {
          ...lost,
          fingerprint,
          version,
          false: false,
          now: now(),
          opening: 'opening',
          queued: 'queued',
          failed: 'failed',
        },
      })
      const found = item && z.parse(requestItem, item)
      const claimed = (before: Facts, revision: number, triedUntil?: number): ClaimResult => {
        const { attempt, releases } = before.claim
        const facts: Facts = { ...before, claim: { attempt: attempt + 1, releases, state: 'held' } }
        return {
          kind: 'claimed',
          entry: createEntry(
            request,
            {
              ...{ revision, facts, consumerId: found?.consumerId },
              createdAt: found?.createdAt ?? now(),
            },
            destination,
          ),
          before,
          ...(triedUntil !== undefined && { triedUntil }),
        }
      }
      if (!item || !found) return claimed(NOTHING, 1)
      if (applied) return claimed(toFacts(found), found.revision + 1, triedUntilOf(found))
      // A write whose answer was lost is repeated, and then finds its own claim.
      if (found.leaseId === lease.leaseId) return claimed(beforeOwnClaim(found), found.revision, now())
      if (!hasContent(found, fingerprint))
        throw new RequestIdReusedError({ detail: 'This requestId was used before with different content.' })
      const facts = toFacts(found)
      const entry = createEntry(request, { ...found, writtenAt: found.updatedAt, facts }, destination)
      if (found.leaseId === ERASED_LEASE) return { kind: 'final', entry, facts, isErased: true }
      await bindChallenge(request, item)
      if (isFinished(facts, found.hasMessage)) {
        // An attempt that died, or whose write failed, may not have written the consumer's item. By now, that
        // may hold a later conversation.
        const { openedAt: _, ...told } = facts
        return { kind: 'final', entry, facts: await entry.record(told) }
      }
      if (lostLeases.includes(found.leaseId) && (await renewClaim(request, found, lease)))
        return claimed(beforeOwnClaim(found), found.revision + 1, now())
      if (found.leaseUntil < now() && (await claimAgain(request, found, lease)))
        return claimed(facts, found.revision + 1, triedUntilOf(found))
      return { kind: 'held', entry, facts }
    },

    /**
     * Records that a request is about to end in quarantine without an attempt: 1 read and 1 write unit.
     *
     * @returns `held`: an attempt holds the request or wrote it just now, so try again later. `finished`:
     *   there is nothing to record. Otherwise what its sender is told from now on.
     */
    giveUp: async (request: RequestKey, code: Code): Promise<'held' | 'finished' | Outcome> => {
      const pk = requestKey(request)
      const found = await table.get(pk)
      if (!found) return 'finished'
      const item = z.parse(requestItem, found)
      const { hasMessage, leaseUntil, revision } = item
      const facts = toFacts(item)
      if (isFinished(facts, hasMessage)) return 'finished'
      if (leaseUntil >= now()) return 'held'
      const ended = abandoned(facts, code, 'given_up')
      const { applied } = await table.update({
        pk,
        ...toWrite(facts, ended, hasMessage, now()),
        condition: '#revision = :revision',
        values: { revision },
      })
      return applied ? outcomeOf(ended, hasMessage) : 'held'
    },

    /**
     * Returns the requests with an id at one door, the oldest first: 1 read unit per account and kind of
     * sender. With a holder, only the one request that it belongs to: 1 read unit, or none if it belongs to
     * no request of these accounts.
     *
     * @param holder See {@link holderOf}.
     */
    find: async (
      accountIds: readonly string[],
      door: Door,
      requestId: string,
      holder?: string,
    ): Promise<readonly FoundRequest[]> => {
      const keys = accountIds
        .flatMap((accountId) => keysOf(accountId, door, requestId))
        .filter((key) => holder === undefined || holderOf(key) === holder)
      const items = keys.length === 0 ? [] : await table.getMany(keys.map(requestKey))
      return items
        .map((item) => z.parse(requestItem, item))
        .toSorted((a, b) => a.createdAt - b.createdAt || (a.pk < b.pk ? -1 : 1))
        .map((item) => toFound(item, now()))
    },

    /**
     * Returns the request that spent the challenge of a form: 1 read unit. The content is compared only if
     * the challenge is that request's, so that a guess costs the same whether it is right or wrong.
     */
    findOriginal: async (request: AcceptedRequest): Promise<Original> => {
      const item = await table.get(requestKey(request))
      if (!item) return { kind: 'none' }
      const name = challengeName(request)
      if (name === undefined || !Object.hasOwn(item, name)) return { kind: 'other' }
      const found = z.parse(requestItem, item)
      if (!hasContent(found, request.fingerprint)) return { kind: 'other' }
      const isHeld = found.leaseUntil >= now()
      return { kind: 'same', facts: factsAt(found, now()), hasMessage: found.hasMessage, isHeld }
    },

    /**
     * Returns whether this copy may act for its challenge, which only one copy may: 1 write unit. The others
     * are only answered.
     */
    takeTurn: async (request: AcceptedRequest): Promise<boolean> => {
      const name = challengeName(request)
      if (name === undefined) return false
      const turn = uuid()
      const { applied, item } = await table.update({
        pk: requestKey(request),
        set: { [name]: turn },
        condition: `#${name} = :spent`,
        values: { spent: SPENT },
      })
      // A write whose answer was lost is repeated, and then finds its own turn.
      return applied || item?.[name] === turn
    },

    /** Returns the consumer's last known conversation, and who opened which: 1 read unit. */
    findConversation: async (
      accountId: string,
      lpConsumerId: string,
    ): Promise<LastConversation | undefined> => {
      const item = await table.get(consumerKey(accountId, lpConsumerId))
      if (!item) return undefined
      const { conversationId, state, openedAt } = z.parse(consumerItem, item)
      return { conversationId, state, openedAt, openings: openingsIn(item) }
    },

    /** Records that a consumer's conversation is closed: 1 write unit. */
    forgetConversation: async (
      accountId: string,
      lpConsumerId: string,
      conversationId: string,
    ): Promise<void> => {
      await table.update({
        pk: consumerKey(accountId, lpConsumerId),
        set: { state: 'CLOSE', updatedAt: now() },
        condition: '#conversationId = :conversationId',
        values: { conversationId },
      })
    },

    /**
     * Keeps the reason of a quarantined message whose attributes would have exceeded SQS's limit: 1 write
     * unit.
     */
    keepReason: async (messageId: string, reason: Item): Promise<void> => {
      await table.update({ pk: `quarantined#${messageId}`, set: { ...reason, ...times() } })
    },
  }
}

/**
 * Returns what tells a request from others with the same id, of another account or kind of sender: 16
 * characters of the SHA-256 of its item's key, in hex.
 */
export const holderOf = (key: RequestKey): string => sha256(requestKey(key)).slice(0, HOLDER_LENGTH)

/**
 * Returns how a fingerprint starts that can be compared with this one. A hand-over may hold one of an earlier
 * version of this service, and a later version may have written the item: those can't be compared. What no
 * version would write is compared, and so differs.
 */
const versionOf = (fingerprint: string): string =>
  !ANY_VERSION.test(fingerprint) || fingerprint.startsWith(FINGERPRINT_VERSION) ? FINGERPRINT_VERSION : 'none'

const ANY_VERSION = /^\d+\.[0-9a-f]+$/

/** Returns whether an item's request has this content, as far as the fingerprints can be compared. */
export const hasContent = (item: Pick<RequestItem, 'fingerprint'>, fingerprint: string): boolean =>
  item.fingerprint === fingerprint || !item.fingerprint.startsWith(versionOf(fingerprint))

/** The value of a challenge's attribute while no copy has taken its turn. */
const SPENT = 'spent'

/** A request may spend several challenges, so each has an attribute of its own. */
const challengeName = ({ challengeHash }: AcceptedRequest): string | undefined =>
  challengeHash === undefined ? undefined : `challenge_${challengeHash}`

const challengeOf = (request: AcceptedRequest): Item => {
  const name = challengeName(request)
  return name === undefined ? {} : { [name]: SPENT }
}

/** An attempt that never released its claim may have gone on until its lease expired. */
const triedUntilOf = ({ claimState, leaseUntil, updatedAt }: RequestItem): number =>
  claimState === 'held' ? leaseUntil : updatedAt

/** Reconstructs what the ledger held before our own claim, when a repeated write shows us only its result. */
const beforeOwnClaim = (item: RequestItem): Facts => {
  const attempt = item.attempts - 1
  const state = attempt === 0 ? 'none' : item.releasedAttempt === attempt ? 'queued' : 'held'
  return { ...item.facts, claim: { attempt, releases: item.releases, state } }
}

const toFound = (item: RequestItem, now: number): FoundRequest => {
  const { requestId, accountId, hasMessage, warnings = [] } = item
  return { requestId, accountId, warnings, outcome: outcomeOf(factsAt(item, now), hasMessage) }
}
