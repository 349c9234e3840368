import type { Told } from './ending.ts'
import type { Faults } from './faults.ts'
import type { Planned } from './requests.ts'
import { isFinal } from './statuses.ts'
import type { VirtualTime } from './time.ts'
import type { Trace } from './trace.ts'
import type { World } from './world.ts'

/** How long the sender of a form waits before it repeats a failed one, in milliseconds. */
const REPEAT_AFTER_MS = [1000, 3000, 10_000, 60_000, 600_000]
const ASK_AFTER_MS = [5000, 10_000, 20_000, 60_000, 300_000, 1_800_000, 7_200_000]

/** Sends every copy of the planned requests in time. Senders of forms ask for the status afterwards. */
export const startSenders = ({
  world,
  time,
  faults,
  trace,
  planned,
}: {
  readonly world: World
  readonly time: VirtualTime
  readonly faults: Faults
  readonly trace: Trace
  readonly planned: readonly Planned[]
}) => {
  const told: Told[] = []
  let active = 0

  const ask = async (
    { key }: Planned,
    how: Told['how'],
    call: () => Promise<{ readonly httpStatus: number; readonly body: Told['body'] }>,
  ) => {
    const askedAt = time.now()
    const answer = await call()
    const { status, code } = answer.body
    // A request that isn't recorded yet has no status.
    if (how === 'status' && answer.httpStatus !== 200) return answer
    trace.add(`sender ${key}`, `${how} ${answer.httpStatus} ${status ?? code ?? ''}`)
    told.push({ key, askedAt, at: time.now(), how, ...answer })
    return answer
  }

  const askStatus = (request: Planned) =>
    ask(request, 'status', () => world.askStatus(request.body.requestId ?? ''))

  const followStatus = async (request: Planned) => {
    for (const waitMs of ASK_AFTER_MS) {
      await time.sleep(waitMs)
      const { body } = await askStatus(request)
      if (isFinal(body.status) && body.messageStatus !== 'pending') return
    }
  }

  /** Asks for the status again and again, as an impatient page does. */
  const askConstantly = async (request: Planned) => {
    if (!faults.strike(`status of ${request.key}`, { 'constant status requests': 0.03 })) return
    for (let asked = 0; asked < 40; asked++) {
      await time.sleep(150)
      await askStatus(request)
    }
  }

  const sendForm = async (request: Planned) => {
    void askConstantly(request)
    let isAccepted = true
    for (const waitMs of REPEAT_AFTER_MS) {
      const { httpStatus } = await ask(request, 'answer', () => world.submit(request.body))
      isAccepted = httpStatus !== 400
      if (httpStatus < 500) break
      await time.sleep(waitMs)
    }
    if (isAccepted) await followStatus(request)
  }

  const send = async (request: Planned) => {
    trace.add(`sender ${request.key}`, 'sends')
    if (request.door === 'form') await sendForm(request)
    else world.sendEvent(JSON.stringify(request.body), request.accountId)
  }

  for (const request of planned)
    for (const at of request.copies) {
      active += 1
      time.after(at, () => void send(request).finally(() => (active -= 1)))
    }

  return {
    told: told as readonly Told[],
    /** How many copies have not been sent, or followed to their end. */
    active: () => active,
  }
}
