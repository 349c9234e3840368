import { AppError } from '../../lib/errors/errors.ts'

/** Returns whether a parser accepts its input, or refuses it with an AppError that the sender has to fix. */
export const isHandled = (parse: () => unknown) => {
  try {
    parse()
    return 'accepted'
  } catch (error) {
    if (error instanceof AppError && error.status < 500) return 'refused'
    throw error
  }
}
