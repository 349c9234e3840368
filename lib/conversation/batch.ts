/**
 * Runs the items of each group in order, and the groups side by side. A group stops at its first item that
 * must be retried.
 *
 * @param run Makes one attempt. Resolves to how long to wait before a retry, in milliseconds, or to undefined
 * if the item is done.
 * @param putOff Delays the items that a group leaves, all by the same delay.
 * @returns The items that must be retried: in each group the one that `run` returned a delay for, and those
 * after it.
 */
export const runInOrder = async <T>(
  groups: Iterable<readonly T[]>,
  run: (item: T) => Promise<number | undefined>,
  putOff: (items: readonly T[], delayMs: number) => Promise<unknown>,
): Promise<readonly T[]> => {
  const left = await Promise.all(
    [...groups].map(async (group) => {
      for (const [index, item] of group.entries()) {
        const delayMs = await run(item)
        if (delayMs === undefined) continue
        const rest = group.slice(index)
        await putOff(rest, delayMs)
        return rest
      }
      return []
    }),
  )
  return left.flat()
}
