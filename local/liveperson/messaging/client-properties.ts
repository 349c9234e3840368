import { isObject, type JsonObject, list, object, oneOf, parseJson, text } from '../json/check.ts'
import type { ReceivedRequest } from '../state/state.ts'

/**
 * Reads the Client-Properties header, a JSON string; a common mistake is to set it to an object.
 *
 * @returns What it says if it is there and an object, and what is wrong with it.
 * @see https://developers.liveperson.com/connector-api-send-api-examples.html
 */
export const readClientProperties = ({
  headers,
}: ReceivedRequest): { readonly clientProperties?: JsonObject; readonly problem?: string } => {
  const header = headers['client-properties']
  if (header === undefined) return {}
  const parsed = parseJson(String(header))
  const problem = check(parsed, 'Client-Properties')
  return {
    ...(isObject(parsed) ? { clientProperties: parsed } : {}),
    ...(problem === undefined ? {} : { problem }),
  }
}

const check = object(
  {
    type: oneOf('.ams.headers.ClientProperties', '.ClientProperties', 'ClientProperties'),
    features: list(text),
    appId: text,
    appVersion: text,
    integration: oneOf('WEB_SDK', 'MOBILE_SDK', 'BRAND_SDK'),
    integrationVersion: text,
    deviceFamily: oneOf('DESKTOP', 'TABLET', 'MOBILE', 'OTHER'),
    os: oneOf('WINDOWS', 'LINUX', 'OSX', 'ANDROID', 'IOS', 'OTHER'),
    ipAddress: text,
  },
  { required: ['type'] },
)
