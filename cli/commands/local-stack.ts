/** The variables with which a command reaches the local stack of `npm start` at its default ports. */
export const LOCAL_STACK: Readonly<Record<string, string>> = {
  AWS_ACCESS_KEY_ID: 'local',
  AWS_SECRET_ACCESS_KEY: 'local',
  AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:8000',
  AWS_ENDPOINT_URL_SECRETS_MANAGER: 'http://127.0.0.1:4584',
  LIVEPERSON_DOMAIN_API_URL: 'http://127.0.0.1:4570',
}
