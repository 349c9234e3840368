import type { MemberPath } from '../../lib/request/members.ts'

const ID = 'The service refuses a placeholder such as `undefined`, `null` or `{{contact.id}}`.'
const DAY = 'The day of the month.'
const MONTH = 'The month of the year.'
const YEAR = 'The year.'
const BROWSER = "From LivePerson's Monitoring API. An invalid value is left out, with a warning."

const MEMBERS: Readonly<Record<MemberPath, string>> = {
  requestId: `The request's id, the same in every copy and retry. Not built from personal data, because it is logged. ${ID}`,
  accountId:
    "LivePerson's id of the account (site). Default: the account of the route, otherwise the stage's default account.",
  route: "The name of a route in the stage's configuration.",
  'campaign.campaignId': "LivePerson's id of the campaign.",
  'campaign.engagementId':
    "LivePerson's id of the engagement in the campaign. It decides which skill answers.",

  'consumer.id': `The consumer's external id (\`ext_consumer_id\`). ${ID} \`request-\` followed by 64 hexadecimal digits is reserved.`,
  'consumer.firstName': 'The first name.',
  'consumer.lastName': 'The last name.',
  'consumer.email': 'The email address.',
  'consumer.phone': 'The phone number.',
  'consumer.avatarUrl':
    "The address of a picture, which agents' browsers load: HTTPS, with the name of a host, without user name or password.",
  'consumer.description': 'What agents should know. It may have several lines.',

  'engagementAttributes[].type': 'Which of the two attributes this is.',
  'engagementAttributes[].info.ctype': 'The type of customer, such as `vip`.',
  'engagementAttributes[].info.cstatus': 'The status of the customer, such as `active`.',
  'engagementAttributes[].info.balance': "The customer's balance.",
  'engagementAttributes[].info.currency': 'The currency of the balance.',
  'engagementAttributes[].info.customerId': "The customer's id.",
  'engagementAttributes[].info.socialId': "The customer's id in a social network.",
  'engagementAttributes[].info.imei': "The id of the customer's device.",
  'engagementAttributes[].info.userName': "The customer's user name.",
  'engagementAttributes[].info.companySize': "The number of people in the customer's company.",
  'engagementAttributes[].info.companyBranch': "The branch of the customer's company.",
  'engagementAttributes[].info.accountName': 'The name of the account.',
  'engagementAttributes[].info.role': "The customer's role.",
  'engagementAttributes[].info.lastPaymentDate.day': DAY,
  'engagementAttributes[].info.lastPaymentDate.month': MONTH,
  'engagementAttributes[].info.lastPaymentDate.year': YEAR,
  'engagementAttributes[].info.registrationDate.day': DAY,
  'engagementAttributes[].info.registrationDate.month': MONTH,
  'engagementAttributes[].info.registrationDate.year': YEAR,
  'engagementAttributes[].info.loginStatus': 'Whether the customer is signed in.',
  'engagementAttributes[].personal.firstname': 'The first name.',
  'engagementAttributes[].personal.lastname': 'The last name.',
  'engagementAttributes[].personal.age.age': 'The age in years.',
  'engagementAttributes[].personal.age.year': 'The year of birth.',
  'engagementAttributes[].personal.age.month': 'The month of birth.',
  'engagementAttributes[].personal.age.day': 'The day of birth.',
  'engagementAttributes[].personal.contacts[].email': 'An email address.',
  'engagementAttributes[].personal.contacts[].phone': 'A phone number.',
  'engagementAttributes[].personal.contacts[].phoneType': 'The type of the phone number.',
  'engagementAttributes[].personal.contacts[].address.country': 'The country, as a code of two letters.',
  'engagementAttributes[].personal.contacts[].address.region': 'The region.',
  'engagementAttributes[].personal.gender': 'The gender. LivePerson also numbers it: 0, 1 and 2.',
  'engagementAttributes[].personal.company': 'The company.',
  'engagementAttributes[].personal.language': 'The language and the country, such as `en-GB`.',

  ttr: 'How soon an agent should respond. Default: the `ttr` of the route, otherwise `NORMAL`.',
  'context.visitorId': BROWSER,
  'context.sessionId': BROWSER,
  'context.interactionContextId': BROWSER,
  'context.lang':
    "The browser's language, such as `en-GB`. A value that is not a language is left out, with a warning.",
  message:
    "The consumer's first message. Written as JSON, it has at most 4500 characters, including the quotes and the escapes.",
}

const GROUPS: Readonly<Record<string, string>> = {
  campaign: 'The pair of ids that decides the routing.',
  consumer: 'The person that the conversation is with.',
  engagementAttributes:
    "What agents see about the consumer as authenticated, in LivePerson's own shape (SDEs).",
  context: "What the visitor's browser says. What LivePerson doesn't accept is left out, with a warning.",
}

/**
 * What each member of a request means, by its path as in `MEMBERS`, and what the objects and lists mean. The
 * compiler requires a text for every member.
 */
export const TEXTS: ReadonlyMap<string, string> = new Map(Object.entries({ ...GROUPS, ...MEMBERS }))
