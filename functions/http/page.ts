import type { Outcome } from '../../lib/conversation/facts.ts'
import { CODES, type Code, isCode } from '../../lib/errors/codes.ts'
import { type Answer, toAnswer } from './answer.ts'

/** What a page says. It is fixed text: nothing of it comes from a request. */
interface Page {
  readonly title: string
  readonly text: string
}

const THANKS = 'Thank you'
const NOT_SENT = 'Your message was not sent'
const AGAIN = 'Go back in your browser, and send it again.'

const RECEIVED: Page = { title: THANKS, text: 'We have received your message.' }
const ON_ITS_WAY: Page = { title: THANKS, text: 'We have received your message, and it is on its way.' }
const FAILED: Page = { title: NOT_SENT, text: `Something went wrong. ${AGAIN}` }
const UNSURE: Page = {
  title: 'Your message may have arrived',
  text: 'We may have received your message. Please don’t send it again.',
}

const NOTHING_FOUND: Page = {
  title: 'Nothing found yet',
  text: 'If you have just sent a form, wait a moment, and reload this page.',
}

const PAGES: Readonly<Record<Outcome['status'], Page>> = {
  opened: RECEIVED,
  existing: { title: THANKS, text: 'We have added your message to your open conversation.' },
  opening: ON_ITS_WAY,
  queued: ON_ITS_WAY,
  failed: FAILED,
  rejected: { title: NOT_SENT, text: 'We can’t accept it here. Please contact us another way.' },
  outcome_unknown: UNSURE,
}

const ANEW = 'Please open the form again, and send a new message.'

/** The pages about an open conversation that the message did not reach. */
const WITHOUT_MESSAGE: Readonly<Partial<Record<Outcome['status'], Page>>> = {
  opened: {
    title: NOT_SENT,
    text: `We have opened a conversation for you, but your message did not reach it. ${ANEW}`,
  },
  existing: {
    title: NOT_SENT,
    text: `You already have a conversation with us, but your message did not reach it. ${ANEW}`,
  },
}

/** What visitors can do about a problem. */
const PROBLEMS: Readonly<Partial<Record<Code, Page>>> = {
  invalid_request: {
    title: 'Please check your entries',
    text: `Something is missing or not valid. ${AGAIN}`,
  },
  payload_too_large: { title: NOT_SENT, text: `It is too long. Please shorten it. ${AGAIN}` },
  bot_check_failed: { title: NOT_SENT, text: `Please confirm that you are human. ${AGAIN}` },
  outcome_unknown: UNSURE,
  liveperson_rejected: PAGES.rejected,
  origin_not_allowed: {
    title: NOT_SENT,
    text:
      'This form can’t be sent from its page. If the page is yours: the service must list its origin, and the page' +
      ' must not have the header Referrer-Policy: no-referrer or same-origin.',
  },
}

/** What visitors call the fields. */
const FIELDS: Readonly<Record<string, string>> = {
  'consumer.firstName': 'first name',
  'consumer.lastName': 'last name',
  'consumer.email': 'email address',
  'consumer.phone': 'phone number',
  'consumer.description': 'description',
  message: 'message',
}

/** Returns the page about a form's request. Undefined: nobody knows the request yet. */
export const toStatusPage = (outcome: Pick<Outcome, 'status' | 'messageStatus'> | undefined): Answer => {
  if (!outcome) return toPage(NOTHING_FOUND)
  const { status, messageStatus } = outcome
  return toPage((messageStatus === 'not_sent' && WITHOUT_MESSAGE[status]) || PAGES[status])
}

/**
 * Returns the page about a problem.
 *
 * @param code As in the address. An unknown one counts as none.
 * @param fields The names of invalid fields. Unknown ones are left out.
 */
export const toProblemPage = (code: string | undefined, fields: readonly string[]): Answer => {
  const known = code !== undefined && isCode(code) ? code : undefined
  const retryable = known === undefined || CODES[known].retryable
  const { title, text } = (known && PROBLEMS[known]) ?? (retryable ? FAILED : PAGES.rejected)
  const names = fields.flatMap((field) => (Object.hasOwn(FIELDS, field) ? (FIELDS[field] ?? []) : []))
  const which = names.length === 0 ? '' : ` Please check: ${names.join(', ')}.`
  return toPage({ title, text: `${text}${which}${known ? ` (${known})` : ''}` })
}

const STYLE =
  'body{max-width:36rem;margin:15vh auto;padding:0 1rem;font:1.125rem/1.5 system-ui,sans-serif}h1{line-height:1.2}'
/** The SHA-256 of `STYLE`, in base64. */
const STYLE_HASH = 'cDnPZY/LEa9LM6iWnYeJQT8m6f6Wnfut1yKeITA/OG4='

/** No search engine lists a page, and it runs and loads nothing. */
const toPage = ({ title, text }: Page): Answer => ({
  ...toAnswer(
    200,
    {},
    {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      'x-robots-tag': 'noindex',
    },
  ),
  body: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${title}</h1>
<p>${text}</p>
</main>
</body>
</html>
`,
})
