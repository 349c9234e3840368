/** A time series: one value per period, oldest first. Undefined: no data. */
export type Series = readonly (number | undefined)[]

/**
 * Evaluates an expression of CloudWatch's metric math: `+`, `-`, `==`, numbers, the ids of series, and FILL,
 * DIFF, MAX of an array and IF. As in CloudWatch, what is computed from missing data is missing.
 *
 * @param length How many periods the result has.
 * @throws {Error} The expression has something else.
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
 */
export const evaluate = (
  expression: string,
  series: Readonly<Record<string, Series>>,
  length: number,
): Series => {
  const tokens = expression.match(/[A-Za-z_]\w*|\d+|==|\S/g) ?? []
  let at = 0
  const take = () => tokens[at++] ?? ''
  const expect = (token: string) => {
    const found = take()
    if (found !== token) throw new Error(`"${expression}" has "${found}" instead of "${token}"`)
  }
  const all = (compute: (period: number) => number | undefined): Series =>
    Array.from({ length }, (_, n) => compute(n))
  const combine = (a: Series, b: Series, compute: (x: number, y: number) => number): Series =>
    all((n) => {
      const [x, y] = [a[n], b[n]]
      return x === undefined || y === undefined ? undefined : compute(x, y)
    })

  const list = (end: string): Series[] => {
    const items = [comparison()]
    for (let token = take(); token !== end; token = take()) {
      if (token !== ',') throw new Error(`"${expression}" has "${token}" in a list`)
      items.push(comparison())
    }
    return items
  }

  const call = (name: string): Series => {
    if (name === 'MAX') expect('[')
    const [a = [], b = [], c = []] = list(name === 'MAX' ? ']' : ')')
    if (name === 'MAX') expect(')')
    switch (name) {
      case 'FILL':
        return all((n) => a[n] ?? b[n])
      case 'DIFF':
        return all((n) => {
          const [before, now] = [a[n - 1], a[n]]
          return before === undefined || now === undefined ? undefined : now - before
        })
      case 'MAX':
        return all((n) => {
          const known = [a[n], b[n]].filter((value) => value !== undefined)
          return known.length === 0 ? undefined : Math.max(...known)
        })
      case 'IF':
        return all((n) => (a[n] === undefined ? undefined : a[n] === 0 ? c[n] : b[n]))
      default:
        throw new Error(`${name} isn't known here`)
    }
  }

  const operand = (): Series => {
    const token = take()
    if (/^\d+$/.test(token)) return all(() => Number(token))
    if (tokens[at] === '(') {
      take()
      return call(token)
    }
    const named = series[token]
    if (!named) throw new Error(`"${expression}" has "${token}", which is no series`)
    return named
  }

  const sum = (): Series => {
    let value = operand()
    while (tokens[at] === '+' || tokens[at] === '-') {
      const sign = take() === '+' ? 1 : -1
      value = combine(value, operand(), (x, y) => x + sign * y)
    }
    return value
  }

  const comparison = (): Series => {
    const value = sum()
    if (tokens[at] !== '==') return value
    take()
    return combine(value, sum(), (x, y) => (x === y ? 1 : 0))
  }

  const value = comparison()
  if (at < tokens.length) throw new Error(`"${expression}" has more: "${take()}"`)
  return value
}
