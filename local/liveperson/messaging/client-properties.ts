import type { ReceivedRequest } from '../http/request.ts'
import { list, object, oneOf, text } from '../json/check.ts'
import { isObject, type JsonObject, parseJson } from '../json/value.ts'

/**
 * Reads the Client-Properties header, which holds JSON. A common mistake is to set it to an object instead.
 *
 * @returns The properties if the header is a JSON object, and what is wrong with it.
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
