import { AppError } from '../../lib/errors/errors.ts'

/** What a parser does: it gives a request, or throws an AppError that is the sender's to mend. */
export const isHandled = (parse: () => unknown) => {
  try {
    parse()
    return 'taken'
  } catch (error) {
    if (error instanceof AppError && error.status < 500) return 'refused'
    throw error
  }
}
