/** What is wrong with an AWS call, and what to do, by the names of its causes. */
interface AwsTrouble {
  readonly problem: string
  readonly remedy: string
}

const TROUBLES: readonly (readonly [RegExp, AwsTrouble])[] = [
  [
    /CredentialsProviderError/,
    {
      problem: 'There are no AWS credentials.',
      remedy:
        'Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run aws sso login. For the local stack, use --local.',
    },
  ],
  [
    /UnrecognizedClient|InvalidSignature|ExpiredToken|InvalidClientTokenId|InvalidAccessKeyId/,
    {
      problem: 'AWS does not accept the credentials.',
      remedy: 'Renew them, or set another AWS_PROFILE.',
    },
  ],
  [
    /AccessDenied/,
    {
      problem: 'The AWS credentials do not allow this operation.',
      remedy:
        "Attach the stack's policy OperatorsPolicyArn to your role. The help of the verb says which actions it needs, such as dynamodb:UpdateItem.",
    },
  ],
  [
    /QueueDoesNotExist|NonExistentQueue/,
    {
      problem: 'There is no such queue.',
      remedy: 'Check --stage and --region, and that the stage is deployed.',
    },
  ],
  [
    /ResourceNotFound/,
    {
      problem: 'There is no such table.',
      remedy: 'Check --stage and --region, and that the stage is deployed.',
    },
  ],
  [
    /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|TimeoutError/,
    {
      problem: 'AWS can not be reached.',
      remedy:
        'Check the network and --region. For the local stack, check that npm start runs, and AWS_ENDPOINT_URL_DYNAMODB and AWS_ENDPOINT_URL_SQS.',
    },
  ],
]

/** Returns what is wrong with an AWS call. Undefined if nothing is known. @param causes See `causesOf`. */
export const findAwsTrouble = (causes: readonly string[]): AwsTrouble | undefined =>
  TROUBLES.find(([name]) => causes.some((cause) => name.test(cause)))?.[1]

/** Whether a call failed because this machine has no AWS credentials. */
export const hasNoCredentials = (causes: readonly string[]): boolean =>
  causes.some((cause) => cause.startsWith('CredentialsProviderError'))
