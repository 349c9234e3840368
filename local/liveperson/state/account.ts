import { readFileSync } from 'node:fs'
import { type Check, list, must, number, object, text } from '../json/check.ts'

/**
 * Reads the accounts of a fixture file, `{"accounts": [...]}`; every call gives new objects.
 *
 * @param path A path or file URL; by default the `account.json` beside this file: account 70123456 with two
 *   published campaigns, one unpublished and one deleted engagement, and account 70999999.
 * @throws {Error} The file is missing, is no JSON, or an account has not the shape of LivePersonAccount.
 */
export const loadFixture = (path: string | URL = new URL('./account.json', import.meta.url)) => {
  const fixture: unknown = JSON.parse(readFileSync(path, 'utf8'))
  if (!isFixture(fixture)) throw new Error(`${path}: ${fixtureProblem(fixture)}`)
  return fixture.accounts
}

/**
 * One engagement of a campaign, in the shape of the account configuration API; members that the simulator
 * doesn't look at are kept as they are.
 */
export interface Engagement {
  readonly id: number
  readonly name: string
  readonly enabled: boolean
  readonly deleted: boolean
  /** BCP 47; a conversationContext in another language is refused in strict mode. */
  readonly language?: string
  /** Absent or null: any skill, so the account's default skill. */
  readonly skillId?: number | null
  readonly skillName?: string | null
  readonly [member: string]: unknown
}

/** One campaign, in the shape of the account configuration API. */
interface Campaign {
  readonly id: number
  readonly name: string
  /** 1 is published. */
  readonly status: number
  readonly deleted: boolean
  readonly engagements: readonly Engagement[]
  readonly [member: string]: unknown
}

/** A skill: a group of agents. */
export interface Skill {
  readonly id: number
  readonly name: string
}

/** Sends a consumer to a skill by an attribute, where neither skill nor engagement decides. */
interface SkillRule {
  readonly attribute: 'ctype' | 'companyBranch'
  /** Compared without regard to case. */
  readonly value: string
  readonly skillId: number
}

/** One LivePerson account with what the simulator knows about it. */
export interface LivePersonAccount {
  readonly accountId: string
  readonly clientId: string
  /** Secrets that Sentinel takes now; tests change this list to rotate. */
  clientSecrets: string[]
  readonly campaigns: readonly Campaign[]
  readonly skills: readonly Skill[]
  readonly defaultSkillId?: number
  readonly skillRules?: readonly SkillRule[]
}

const bool = must('true or false', (value) => typeof value === 'boolean')

const fixtureCheck: Check = object(
  {
    accounts: list(
      object(
        {
          accountId: text,
          clientId: text,
          clientSecrets: list(text),
          defaultSkillId: number,
          skills: list(object({ id: number, name: text }, { required: ['id', 'name'] })),
          skillRules: list(
            object(
              { attribute: text, value: text, skillId: number },
              { required: ['attribute', 'value', 'skillId'] },
            ),
          ),
          campaigns: list(
            object(
              {
                id: number,
                name: text,
                status: number,
                deleted: bool,
                engagements: list(
                  object(
                    { id: number, name: text, enabled: bool, deleted: bool, language: text },
                    { required: ['id', 'name', 'enabled', 'deleted'] },
                  ),
                ),
              },
              { required: ['id', 'name', 'status', 'deleted', 'engagements'] },
            ),
          ),
        },
        { required: ['accountId', 'clientId', 'clientSecrets', 'skills', 'campaigns'] },
      ),
    ),
  },
  { required: ['accounts'] },
)

const fixtureProblem = (value: unknown) => fixtureCheck(value, 'fixture')

const isFixture = (value: unknown): value is { readonly accounts: LivePersonAccount[] } =>
  fixtureProblem(value) === undefined
