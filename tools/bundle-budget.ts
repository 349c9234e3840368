/** A packaged function. */
export interface PackagedFunction {
  readonly name: string
  /** The size of its minified code, in bytes. Every cold start reads and parses all of it. */
  readonly code: number
  /** The size of its zip, in bytes. */
  readonly zip: number
  /** The names of the packages in it. */
  readonly packages: readonly string[]
  /** Whether it loads undici, Node.js's `fetch`, when it starts: 25 ms and 13 MB. */
  readonly loadsUndici: boolean
}

/** The limits of one function, in bytes. */
export interface Budget {
  readonly code: number
  readonly zip: number
}

/** The limits of each function, a little above what it takes. */
export const BUDGETS: Readonly<Record<string, Budget>> = {
  conversationEvents: { code: 254_000, zip: 96_000 },
  conversationStatus: { code: 151_000, zip: 59_000 },
  openFromForm: { code: 344_000, zip: 132_000 },
  openFromQueue: { code: 344_000, zip: 132_000 },
  publishOutcomes: { code: 115_000, zip: 44_000 },
  refreshDomains: { code: 150_000, zip: 58_000 },
}

/**
 * The packages that may be inside. The clients of DynamoDB, SQS and EventBridge are not: lib/aws/ calls them
 * itself.
 */
export const ALLOWED_PACKAGES: readonly string[] = [
  '@aws-lambda-powertools/commons',
  '@aws-lambda-powertools/logger',
  '@aws-lambda-powertools/metrics',
  '@aws-sdk/client-secrets-manager',
  '@aws-sdk/core',
  '@aws-sdk/util-dynamodb',
  '@aws/lambda-invoke-store',
  '@middy/core',
  '@smithy/core',
  '@smithy/signature-v4',
  '@smithy/types',
  'jose',
  'quick-lru',
  'zod',
]

/** Returns a sentence for everything that is over budget, or that may not be inside. */
export const findExcess = ({
  name,
  code,
  zip,
  packages,
  loadsUndici,
}: PackagedFunction): readonly string[] => {
  const budget = BUDGETS[name]
  if (!budget) return [`${name} has no budget.`]
  return [
    ...(code > budget.code
      ? [`The code of ${name} has ${code} bytes, and the budget is ${budget.code}.`]
      : []),
    ...(zip > budget.zip ? [`The zip of ${name} has ${zip} bytes, and the budget is ${budget.zip}.`] : []),
    ...packages
      .filter((each) => !ALLOWED_PACKAGES.includes(each))
      .map((each) => `${name} contains ${each}, which is not allowed.`),
    ...(loadsUndici ? [`${name} loads undici when it starts.`] : []),
  ]
}
