import { rmSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

// Loaded into `serverless offline` by `node --import`. Standard input ends when the parent process does, even
// if that was killed. Then this process exits too, and removes its build folder, since nothing else would.
if (isMainThread) {
  process.stdin.resume()
  process.stdin.once('end', () => {
    const folder = process.env.ESBUILD_WORK_FOLDER
    if (folder) rmSync(folder, { recursive: true, force: true })
    // It is the leader of its process group (`detached`), which includes esbuild.
    process.kill(-process.pid, 'SIGKILL')
  })
}
