/**
 * Replaces the credential providers of the SDK in the bundle, except the one that reads environment variables:
 * the others are a quarter of the code, and Lambda sets the variables.
 */
function refuse(): never {
  throw new Error('AWS credentials are only read from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.')
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
