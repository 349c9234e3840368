import { readFileSync } from 'node:fs'
import { boolean, type Check, list, number, object, text } from '../json/check.ts'

/** A LivePerson account as the simulator knows it. */
export interface LivePersonAccount {
  readonly accountId: string
  readonly clientId: string
  /** The secrets that Sentinel accepts now. Tests change this list to rotate them. */
  clientSecrets: string[]
  readonly campaigns: readonly Campaign[]
  readonly skills: readonly Skill[]
  readonly defaultSkillId?: number
  /** The bearer that a LivePerson user gets at login, for the account configuration API. */
  readonly userBearer?: string
  readonly skillRules?: readonly SkillRule[]
}

/** A campaign in the shape of LivePerson's account configuration API. */
export interface Campaign {
  /** A text only if JavaScript would round the number. */
  readonly id: number | string
  readonly name: string
  /** 1: published. */
  readonly status: number
  readonly deleted: boolean
  readonly engagements: readonly Engagement[]
  readonly [member: string]: unknown
}

/**
 * An engagement in the shape of the account configuration API. Members that the simulator doesn't use are
 * kept.
 */
export interface Engagement {
  /** A text only if JavaScript would round the number. */
  readonly id: number | string
  readonly name: string
  readonly enabled: boolean
  readonly deleted: boolean
  /** BCP 47. The setting `unknownLanguage` decides about a conversationContext in another language. */
  readonly language?: string
  /** Absent or null: the account's default skill. */
  readonly skillId?: number | null
  readonly skillName?: string | null
  readonly [member: string]: unknown
}

/** A group of agents. */
export interface Skill {
  readonly id: number
  readonly name: string
}

/** Routes by a consumer's attribute if neither the request nor the engagement names a skill. */
interface SkillRule {
  readonly attribute: 'ctype' | 'companyBranch'
  /** Not case-sensitive. */
  readonly value: string
  readonly skillId: number
}

/**
 * Returns the accounts of a fixture file, `{"accounts": [...]}`. Each call returns new objects.
 *
 * @param path Default: `account.json` in this folder, with account 70123456 (two published campaigns, an
 *   unpublished one, a deleted engagement) and account 70999999.
 * @throws {Error} The file is missing, isn't JSON, or has an account of another shape than LivePersonAccount.
 */
export const loadFixture = (path: string | URL = new URL('./account.json', import.meta.url)) => {
  const fixture: unknown = JSON.parse(readFileSync(path, 'utf8'))
  if (!isFixture(fixture)) throw new Error(`${path}: ${fixtureProblem(fixture)}`)
  return fixture.accounts
}

const fixtureCheck: Check = object(
  {
    accounts: list(
      object(
        {
          accountId: text,
          clientId: text,
          clientSecrets: list(text),
          defaultSkillId: number,
          userBearer: text,
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
                deleted: boolean,
                engagements: list(
                  object(
                    { id: number, name: text, enabled: boolean, deleted: boolean, language: text },
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
