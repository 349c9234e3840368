/**
 * Returns the commands of a shell text, each as its words. It knows quotes, comments, `\` at the end of a line,
 * `&&` and environment variables before a command, which it leaves out.
 */
export const readCommands = (text: string): readonly (readonly string[])[] => {
  const commands: string[][] = [[]]
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === '&&' || token.startsWith('\n')) commands.push([])
    else if (!/^(#|\s|\\\n)/.test(token)) commands.at(-1)?.push(unquote(token))
  }
  return commands
    .map((words) => words.slice(words.findIndex((word) => !/^[A-Z_]+=/.test(word))))
    .filter((words) => words.length > 0)
}

const TOKEN = /\\\n|&&|\n\s*|[ \t]+|#[^\n]*|(?:'[^']*'|"(?:[^"\\]|\\.)*"|\\[^\n]|[^\s'"\\&]|&(?!&))+/g

const unquote = (token: string): string =>
  token.replaceAll(/'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/g, (_, single, double, escaped) =>
    single !== undefined ? single : double !== undefined ? double.replaceAll(/\\(["\\$])/g, '$1') : escaped,
  )

/** An HTTP request. */
export interface CurlRequest {
  readonly method: string
  readonly url: string
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

/**
 * Returns the request that a `curl` command sends.
 *
 * @throws {Error} It has an option that is not known here.
 */
export const toCurlRequest = ([name, ...words]: readonly string[]): CurlRequest => {
  if (name !== 'curl') throw new Error(`${name} is not curl`)
  const data: string[] = []
  const headers: Record<string, string> = {}
  let method: string | undefined
  let url: string | undefined
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? ''
    const value = () => words[++index] ?? ''
    if (word === '-i') continue
    if (word === '--aws-sigv4' || word === '--user') {
      value()
      continue
    }
    if (word === '-X') method = value()
    else if (word === '-d') data.push(value())
    else if (word === '--data-urlencode') data.push(encode(value()))
    else if (word === '-H') {
      const [, header = '', content = ''] = /^([^:]+): *(.*)$/.exec(value()) ?? []
      headers[header.toLowerCase()] = content
    } else if (word.startsWith('-')) throw new Error(`curl ${word} is not known here`)
    else url = word
  }
  if (url === undefined) throw new Error('The command has no URL')
  const body = data.length > 0 ? data.join('&') : undefined
  return {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    url,
    headers: {
      ...(body !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
      ...headers,
    },
    body,
  }
}

/** `name=content`, of which curl encodes the content only. */
const encode = (pair: string): string => {
  const [name = '', ...content] = pair.split('=')
  return `${name}=${encodeURIComponent(content.join('='))}`
}
