import { execFile } from 'node:child_process'
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parseTemplate, resolveTemplate } from './template.ts'

const project = fileURLToPath(new URL('..', import.meta.url))

/**
 * Runs `serverless package` without AWS credentials. Works on a copy of the project, because packaging
 * empties the `.serverless` folder, which something else may be using.
 *
 * @param params Parameters of serverless.yml that differ from their defaults.
 * @param umask The umask of the checkout and of the command. Default: that of this process.
 * @returns The template as it was written and as CloudFormation sees it, the paths of the zips, what the
 *   command printed, and a function that removes the copy.
 */
export async function packageService(params: Readonly<Record<string, string>> = {}, umask?: number) {
  const folder = await mkdtemp(join(tmpdir(), 'campaign-conversations-package-'))
  const parts = [
    'serverless.yml',
    'infrastructure',
    'config',
    'functions',
    'lib',
    'tools',
    'package.json',
    'tsconfig.json',
  ]
  await Promise.all(parts.map((part) => cp(join(project, part), join(folder, part), { recursive: true })))
  if (umask !== undefined) await removePermissions(folder, umask)
  await symlink(join(project, 'node_modules'), join(folder, 'node_modules'))
  // The command leaves a copy of each function in the folder for temporary files.
  const temporary = join(folder, 'temporary')
  await mkdir(temporary)
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    [
      ...(umask === undefined ? [] : ['--import', `data:text/javascript,process.umask(${umask})`]),
      join(project, 'node_modules/serverless/bin/serverless.js'),
      'package',
      ...Object.entries(params).flatMap(([name, value]) => ['--param', `${name}=${value}`]),
    ],
    { cwd: folder, env: { PATH: process.env.PATH, HOME: folder, TMPDIR: temporary } },
  )
  const made = join(folder, '.serverless')
  const text = await readFile(join(made, 'cloudformation-template-update-stack.json'), 'utf8')
  const written = parseTemplate(JSON.parse(text))
  return {
    written,
    template: resolveTemplate(written),
    zips: (await readdir(made)).filter((name) => name.endsWith('.zip')).map((name) => join(made, name)),
    printed: stdout + stderr,
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

const removePermissions = async (folder: string, umask: number): Promise<void> => {
  for (const name of await readdir(folder, { recursive: true })) {
    const path = join(folder, name)
    await chmod(path, (await stat(path)).mode & ~umask)
  }
}
