import { readCors } from './cors.ts'

/** Returns the value of `provider.httpApi.cors` in serverless.yml. */
export const cors = async ({ resolveVariable }) => readCors(await resolveVariable('sls:stage'))
