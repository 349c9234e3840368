// Generated from the contracts by `npm run contracts`.

/** A code of a problem or an outcome. */
export type Code =
  | 'invalid_request'
  | 'consumer_token_invalid'
  | 'campaign_not_allowed'
  | 'origin_not_allowed'
  | 'bot_check_failed'
  | 'not_found'
  | 'outcome_unknown'
  | 'payload_too_large'
  | 'unsupported_media_type'
  | 'request_id_reused'
  | 'event_too_old'
  | 'liveperson_rejected'
  | 'invalid_config'
  | 'internal_error'
  | 'liveperson_unavailable'
  | 'credentials_refused'
  | 'interrupted'
  | 'service_unavailable'

/**
 * The JSON body of `POST /conversations`: what a form asks for. Without the context and the bot
 * check's token, its values have at most 16384 characters together. Lengths are counted in UTF-16 code
 * units, after line ends became LF and the text became Unicode form NFC. `null`, an empty text, and an
 * object or a list of nothing else count as absent, and are accepted wherever a member is optional.
 */
export type FormSubmission = {
  /**
   * The request's id, the same in every copy and retry. Not built from personal data, because it is
   * logged. The service refuses a placeholder such as `undefined`, `null` or `{{contact.id}}`.
   */
  readonly requestId?: string | number
  /** The person that the conversation is with. */
  readonly consumer?: {
    /**
     * The consumer's external id (`ext_consumer_id`). The service refuses a placeholder such as
     * `undefined`, `null` or `{{contact.id}}`. `request-` followed by 64 hexadecimal digits is reserved.
     * Only with a consumer token, and then the token's own id.
     */
    readonly id?: string | number
    /** The first name. */
    readonly firstName?: string
    /** The last name. */
    readonly lastName?: string
    /** The email address. */
    readonly email?: string
    /** The phone number. */
    readonly phone?: string
    /** What agents should know. It may have several lines. */
    readonly description?: string
  }
  /**
   * What agents see about the consumer as authenticated, in LivePerson's own shape (SDEs). Only
   * `personal` ones, and only if the account allows them.
   */
  readonly engagementAttributes?: readonly (
    | {
        /** Which of the two attributes this is. */
        readonly type: 'ctmrinfo'
        readonly info: {
          /** The type of customer, such as `vip`. */
          readonly ctype?: string
          /** The status of the customer, such as `active`. */
          readonly cstatus?: string
          /** The customer's balance. */
          readonly balance?: number
          /** The currency of the balance. */
          readonly currency?: string
          /** The customer's id. */
          readonly customerId?: string | number
          /** The customer's id in a social network. */
          readonly socialId?: string | number
          /** The id of the customer's device. */
          readonly imei?: string | number
          /** The customer's user name. */
          readonly userName?: string
          /** The number of people in the customer's company. */
          readonly companySize?: number
          /** The branch of the customer's company. */
          readonly companyBranch?: string
          /** The name of the account. */
          readonly accountName?: string
          /** The customer's role. */
          readonly role?: string
          readonly lastPaymentDate?: {
            /** The day of the month. */
            readonly day: number
            /** The month of the year. */
            readonly month: number
            /** The year. */
            readonly year: number
          }
          readonly registrationDate?: {
            /** The day of the month. */
            readonly day: number
            /** The month of the year. */
            readonly month: number
            /** The year. */
            readonly year: number
          }
          /** Whether the customer is signed in. */
          readonly loginStatus?: number
        }
      }
    | {
        /** Which of the two attributes this is. */
        readonly type: 'personal'
        readonly personal: {
          /** The first name. */
          readonly firstname?: string
          /** The last name. */
          readonly lastname?: string
          readonly age?: {
            /** The age in years. */
            readonly age?: number
            /** The year of birth. */
            readonly year?: number
            /** The month of birth. */
            readonly month?: number
            /** The day of birth. */
            readonly day?: number
          }
          readonly contacts?: readonly {
            /** An email address. */
            readonly email?: string
            /** A phone number. */
            readonly phone?: string
            /** The type of the phone number. */
            readonly phoneType?:
              | 'HOME'
              | 'MOBILE'
              | 'WORK'
              | 'FAX'
              | 'MAIN'
              | 'HOME_FAX'
              | 'WORK_FAX'
              | 'PAGER'
              | 'OTHER'
            readonly address?: {
              /** The country, as a code of two letters. */
              readonly country?: string
              /** The region. */
              readonly region?: string
            }
          }[]
          /** The gender. LivePerson also numbers it: 0, 1 and 2. */
          readonly gender?: 'MALE' | 'FEMALE' | 'OTHER' | 0 | 1 | 2
          /** The company. */
          readonly company?: string
          /** The language and the country, such as `en-GB`. */
          readonly language?: string
        }
      }
  )[]
  /**
   * How soon an agent should respond. Default: the `ttr` of the route, otherwise `NORMAL`. Another value
   * than the default only if the route allows it.
   */
  readonly ttr?: 'URGENT' | 'NORMAL' | 'PRIORITIZED' | 'CUSTOM'
  /** What the visitor's browser says. What LivePerson doesn't accept is left out, with a warning. */
  readonly context?: {
    /** From LivePerson's Monitoring API. An invalid value is left out, with a warning. */
    readonly visitorId?: string | number
    /** From LivePerson's Monitoring API. An invalid value is left out, with a warning. */
    readonly sessionId?: string | number
    /** From LivePerson's Monitoring API. An invalid value is left out, with a warning. */
    readonly interactionContextId?: string | number
    /** The browser's language, such as `en-GB`. A value that is not a language is left out, with a warning. */
    readonly lang?: string
  }
  /**
   * The consumer's first message. Written as JSON, it has at most 4500 characters, including the quotes
   * and the escapes.
   */
  readonly message?: string
  /** The token of the bot check's widget. */
  readonly 'h-captcha-response'?: string
  /** The token of the bot check's widget. */
  readonly 'cf-turnstile-response'?: string
  /** The token of the bot check's widget. */
  readonly 'g-recaptcha-response'?: string
} & (
  | {
      /** The name of a route in the stage's configuration. */
      readonly route: string
      readonly campaign?: never
    }
  | {
      /** The pair of ids that decides the routing. */
      readonly campaign: {
        /** LivePerson's id of the campaign. */
        readonly campaignId: string | number
        /** LivePerson's id of the engagement in the campaign. It decides which skill answers. */
        readonly engagementId: string | number
      }
      readonly route?: never
    }
)

export type RequestStatus = {
  /** The request's id. */
  readonly requestId: string
  /** The SQS message id of an event that was refused before its attempt. */
  readonly messageId?: string
  /**
   * The status of the request. `opening`: an attempt is in progress. `queued`: a queue holds the
   * request, and it is retried. `failed`: no queue holds the request, and `code` gives the reason.
   * `opened`: the conversation is open. `existing`: the consumer already had an open conversation.
   * `rejected`: the request was refused, and `code` gives the reason. `outcome_unknown`: the
   * conversation may be open, and the operator has to check.
   */
  readonly status: 'opening' | 'queued' | 'failed' | 'opened' | 'existing' | 'rejected' | 'outcome_unknown'
  /** LivePerson's id of the conversation. */
  readonly conversationId?: string
  /** Why the request was not processed. docs/errors.md says what each code means. */
  readonly code?: Code
  /**
   * The status of the first message, if the request has one. `pending`: the service still has to send
   * it. `sent`: LivePerson accepted it. `unknown`: LivePerson may have accepted it, and it is not sent
   * again. `not_sent`: it is not sent, and `messageCode` gives the reason.
   */
  readonly messageStatus?: 'pending' | 'sent' | 'unknown' | 'not_sent'
  /**
   * Why the message is not sent. `conversation_closed`: the conversation was closed before.
   * `conversation_unknown`: LivePerson didn't say which conversation is open. `given_up`: it could not
   * be sent in time.
   */
  readonly messageCode?: 'conversation_closed' | 'conversation_unknown' | 'given_up'
  /** What was left out of the request. */
  readonly warnings?: readonly {
    /** The dotted path of a member, or of a claim of the token after `token.`. */
    readonly path: string
    /** What is wrong with it, for people. */
    readonly message: string
  }[]
  /** Where a signed-in consumer continues the conversation, if the account has such an address. */
  readonly continue?: string
}

/** A problem document of RFC 9457. */
export type Problem = {
  /** A URN that ends with the code. It is not an address that can be opened. */
  readonly type: string
  /** The same for every problem with this code. */
  readonly title: string
  /** The HTTP status. */
  readonly status: number
  /** The code to match on. */
  readonly code: Code
  /** What went wrong this time, for people. */
  readonly detail: string
  /** Whether the same request, with the same id, may succeed later. */
  readonly retryable: boolean
  /** The id of the request, if it is known. */
  readonly requestId?: string
  /** Only for `invalid_request`: what is wrong with the members. */
  readonly errors?: readonly {
    /** The dotted path of the member. Empty for the whole body. */
    readonly path: string
    /** What is wrong with it, for people. */
    readonly message: string
  }[]
}

export type DomainReport = {
  readonly accounts: readonly {
    readonly accountId: string
    /** Whether a host has changed. */
    readonly changed: boolean
    /** The host of each service. After a failure, the last good ones. */
    readonly hosts?: Readonly<Record<string, string>>
    readonly fetchedAt?: string
    /** After a failure: the age of the hosts, in milliseconds. */
    readonly ageMs?: number
    /** Why the account could not be refreshed. */
    readonly code?: Code
  }[]
}
