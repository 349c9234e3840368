/**
 * Runs the items of each group one after another, and the groups side by side. What happens to one item
 * doesn't hold back the next.
 *
 * @param run Makes one attempt. It never rejects.
 * @returns Each item with what `run` returned for it.
 */
export const runInOrder = async <T, R>(
  groups: Iterable<readonly T[]>,
  run: (item: T) => Promise<R>,
): Promise<readonly { readonly item: T; readonly result: R }[]> => {
  const results = await Promise.all(
    [...groups].map(async (group) => {
      const done: { readonly item: T; readonly result: R }[] = []
      for (const item of group) done.push({ item, result: await run(item) })
      return done
    }),
  )
  return results.flat()
}
