import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import { MUTANTS } from './mutants.ts'

/*
 * Preloaded into the run of one mutant, which the environment variable MUTANT names. Replaces a part of one
 * source file when it is loaded.
 */
const mutant = MUTANTS.find(({ name }) => name === process.env.MUTANT)
if (!mutant) throw new Error(`Unknown mutant ${process.env.MUTANT}`)

const url = new URL(`../../${mutant.file}`, import.meta.url).href
const text = readFileSync(fileURLToPath(url), 'utf8')
if (text.split(mutant.find).length !== 2)
  throw new Error(`${mutant.name}: the text in find must be in ${mutant.file} exactly once`)

registerHooks({
  load: (loaded, context, nextLoad) =>
    loaded === url
      ? {
          format: 'module-typescript',
          source: text.replace(mutant.find, () => mutant.replace),
          shortCircuit: true,
        }
      : nextLoad(loaded, context),
})
