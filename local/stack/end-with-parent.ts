import { rmSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

/**
 * Loaded into the child by `node --import`: ends it when its standard input does, which is when the parent is gone, even one that
 * was killed. Removes the build folder, which nobody else would.
 */
if (isMainThread) {
  process.stdin.resume()
  process.stdin.once('end', () => {
    const folder = process.env.ESBUILD_WORK_FOLDER
    if (folder) rmSync(folder, { recursive: true, force: true })
    // It leads a process group (`detached`), in which esbuild runs too.
    process.kill(-process.pid, 'SIGKILL')
  })
}
