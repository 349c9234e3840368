/** Why it is right that no test notices some mutants of the pure parts. */
export interface Judgement {
  readonly because: string
  /** The changes, as `before -> after`, by the path of the file and the line in which they begin. */
  readonly of: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>
}

/**
 * The mutants of the pure parts that no test notices, with the reason. `npm run test:mutation` prints those
 * that are missing here.
 */
export const JUDGED: readonly Judgement[] = []
