/**
 * Stands in the bundle for the SDK's ways to credentials other than the environment's: Lambda gives a function its credentials as
 * variables, which the SDK tries first, and the others (SSO, profiles, instance metadata, …) are a quarter of the code.
 */
function refuse(): never {
  throw new Error('The functions take AWS credentials from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only.')
}

export {
  refuse as fromContainerMetadata,
  refuse as fromHttp,
  refuse as fromIni,
  refuse as fromInstanceMetadata,
  refuse as fromProcess,
  refuse as fromSSO,
  refuse as fromTokenFile,
}

export const ENV_CMDS_FULL_URI = 'AWS_CONTAINER_CREDENTIALS_FULL_URI'
export const ENV_CMDS_RELATIVE_URI = 'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'
