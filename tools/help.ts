/**
 * Prints the help of a script, and ends the process, if the arguments ask for it.
 *
 * @param args Default: those of the process.
 */
export const answerHelp = (help: string, args: readonly string[] = process.argv.slice(2)): void => {
  if (!args.some((argument) => argument === '--help' || argument === '-h')) return
  console.log(help)
  process.exit(0)
}
