import type { ConversationRequest } from './conversation-request.ts'

/** Where a member goes in what is sent to LivePerson. */
export type Target =
  /** The consumer's profile. */
  | 'profile'
  /** An engagement attribute of the consumer. Agents see it as authenticated. */
  | 'sde'
  /** The `personal` engagement attribute that is built for a CRM event without one. */
  | 'builtSde'
  /** The context of the conversation. */
  | 'context'
  /** The conversation itself. */
  | 'conversation'
  /** The consumer's first message. */
  | 'message'
  /** The consumer's external id, in the call for a ConsumerJWS. */
  | 'identity'

/** What happens to one member of a request. */
export interface Member {
  /** Empty if LivePerson does not get it. */
  readonly goesTo: readonly Target[]
  /**
   * Whether it can say something about a person. Then it may never be in a log, a metric, a URL or the state
   * table.
   */
  readonly personal: boolean
}

/**
 * The paths of all leaves: `.name` for a member, `[]` for any item of a list. An object whose members are not
 * known by name is a leaf, so that it needs a row, too.
 */
export type PathsOf<T> = T extends readonly (infer Item)[]
  ? `[]${PathsOf<Item>}`
  : T extends object
    ? string extends keyof T
      ? ''
      : [keyof T] extends [never]
        ? ''
        : { [Name in keyof T & string]-?: `.${Name}${PathsOf<NonNullable<T[Name]>>}` }[keyof T & string]
    : ''

/** The path of a member without members of its own, such as `engagementAttributes[].info.ctype`. */
export type MemberPath = PathsOf<ConversationRequest> extends `.${infer Path}` ? Path : never

/**
 * Every member of the request schema. The payload, the canary test and the table in `docs/form-api.md` follow
 * this table, so a member can't be accepted and then forgotten.
 */
export const MEMBERS: Readonly<Record<MemberPath, Member>> = {
  requestId: { goesTo: [], personal: false },
  accountId: { goesTo: ['conversation'], personal: false },
  route: { goesTo: [], personal: false },
  'campaign.campaignId': { goesTo: ['conversation'], personal: false },
  'campaign.engagementId': { goesTo: ['conversation'], personal: false },

  'consumer.id': { goesTo: ['identity'], personal: true },
  'consumer.firstName': { goesTo: ['profile', 'builtSde'], personal: true },
  'consumer.lastName': { goesTo: ['profile', 'builtSde'], personal: true },
  'consumer.email': { goesTo: ['profile', 'builtSde'], personal: true },
  'consumer.phone': { goesTo: ['profile', 'builtSde'], personal: true },
  'consumer.avatarUrl': { goesTo: ['profile'], personal: true },
  'consumer.description': { goesTo: ['profile'], personal: true },

  'engagementAttributes[].type': { goesTo: ['sde'], personal: false },
  'engagementAttributes[].info.ctype': { goesTo: ['sde'], personal: true },
  'engagementAttributes[].info.cstatus': { goesTo: ['sde'], personal: true },
  'engagementAttributes[].info.balance': { goesTo: ['sde'], personal: true },
  'engagementAttributes[].info.currency': { goesTo: ['sde'], personal: true },
  'engagementAttributes[].info.customerId': { goesTo: ['sde'], personal: true },
  'engagementAttributes[].info.socialId': { goesTo: ['sde'], personal: true },
  'engagementAttributes[].info.imei': { goesTo: ['sde'], personal: true },
  'engagementAttributes[].info.userName': { goesTo: ['sde'], personal: true },
  'engagementAttributes[].info.companySize': { goesTo: ['sde'], personal: true },
  'engagementAttributes[].info.companyBranch': { goesTo: ['sde'], personal: true },
  'engagementAttributes[].info.accountName': { goesTo: ['sde'], personal: true },
  'engagementAttributes[].info.role': { goesTo: ['sde'], personal: true },
  'engagementAttributes[].info.lastPaymentDate.day': { goesTo: ['sde'], personal: true },
  'engagementAttributes[].info.lastPaymentDate.month': { goesTo: ['sde'], personal: true },
  'engagementAttributes[].info.lastPaymentDate.year': { goesTo: ['sde'], personal: true },
  'engagementAttributes[].info.registrationDate.day': { goesTo: ['sde'], personal: true },
  'engagementAttributes[].info.registrationDate.month': { goesTo: ['sde'], personal: true },
  'engagementAttributes[].info.registrationDate.year': { goesTo: ['sde'], personal: true },
  'engagementAttributes[].info.loginStatus': { goesTo: ['sde'], personal: true },
  'engagementAttributes[].personal.firstname': { goesTo: ['sde'], personal: true },
  'engagementAttributes[].personal.lastname': { goesTo: ['sde'], personal: true },
  'engagementAttributes[].personal.age.age': { goesTo: ['sde'], personal: true },
  'engagementAttributes[].personal.age.year': { goesTo: ['sde'], personal: true },
  'engagementAttributes[].personal.age.month': { goesTo: ['sde'], personal: true },
  'engagementAttributes[].personal.age.day': { goesTo: ['sde'], personal: true },
  'engagementAttributes[].personal.contacts[].email': { goesTo: ['sde'], personal: true },
  'engagementAttributes[].personal.contacts[].phone': { goesTo: ['sde'], personal: true },
  'engagementAttributes[].personal.contacts[].phoneType': { goesTo: ['sde'], personal: true },
  'engagementAttributes[].personal.contacts[].address.country': { goesTo: ['sde'], personal: true },
  'engagementAttributes[].personal.contacts[].address.region': { goesTo: ['sde'], personal: true },
  'engagementAttributes[].personal.gender': { goesTo: ['sde'], personal: true },
  'engagementAttributes[].personal.company': { goesTo: ['sde'], personal: true },
  'engagementAttributes[].personal.language': { goesTo: ['sde'], personal: true },

  ttr: { goesTo: ['conversation'], personal: false },
  'context.visitorId': { goesTo: ['context'], personal: true },
  'context.sessionId': { goesTo: ['context'], personal: true },
  'context.interactionContextId': { goesTo: ['context'], personal: true },
  'context.lang': { goesTo: ['context'], personal: true },
  message: { goesTo: ['message'], personal: true },
}
