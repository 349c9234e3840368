import { expect, test } from 'vitest'
import { createOutcomesService } from '../../../lib/service/outcomes.ts'
import { startEventBridge } from '../../../local/aws/event-bridge.ts'
import { CREDENTIALS, REGION } from '../../../local/aws/sdk.ts'

test('the service puts events on the bus that the configuration names', async () => {
  const eventBridge = await startEventBridge({ deliver: async () => undefined })
  Object.assign(process.env, {
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    AWS_ENDPOINT_URL_EVENTBRIDGE: eventBridge.url,
  })
  const buses: string[] = []
  eventBridge.subscribe((_, bus) => buses.push(bus))
  const { bus } = createOutcomesService({ eventBus: 'outcomes' })
  expect(
    await bus.put([{ source: 's', detailType: 't', detail: '{}', resources: [], time: Date.now() }]),
  ).toEqual([undefined])
  expect(buses).toEqual(['outcomes'])
  await eventBridge.close()
})
