import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'

const read = (name: string) =>
  parse(readFileSync(new URL(`../../infrastructure/stacks/${name}.yml`, import.meta.url), 'utf8'))

describe('the stack of CloudFront', () => {
  const { Parameters, Resources } = read('cloudfront')
  const { DistributionConfig } = Resources.Distribution.Properties

  test('adds the secret header to every call, and never shows the secret', () => {
    expect(DistributionConfig.Origins).toEqual([
      expect.objectContaining({
        DomainName: { Ref: 'OriginDomainName' },
        OriginCustomHeaders: [{ HeaderName: { Ref: 'EdgeHeader' }, HeaderValue: { Ref: 'EdgeSecret' } }],
      }),
    ])
    expect(Parameters.EdgeHeader.Default).toBe('x-edge-secret')
    expect(Parameters.EdgeSecret).toMatchObject({ NoEcho: true, MinLength: 64 })
  })

  test('uses TLS 1.2 or later on both sides', () => {
    expect(DistributionConfig.ViewerCertificate.MinimumProtocolVersion).toBe('TLSv1.2_2021')
    expect(DistributionConfig.DefaultCacheBehavior.ViewerProtocolPolicy).toBe('https-only')
    expect(DistributionConfig.Origins[0].CustomOriginConfig).toEqual({
      OriginProtocolPolicy: 'https-only',
      OriginSSLProtocols: ['TLSv1.2'],
    })
  })

  test("caches nothing, and forwards everything but the caller's Host header", () => {
    expect(DistributionConfig.DefaultCacheBehavior).toMatchObject({
      CachePolicyId: '4135ea2d-6df8-44a3-9df3-4b5a84be39ad',
      OriginRequestPolicyId: 'b689b0a8-53d0-40ab-baf2-68738e2966ac',
    })
  })

  test('has a web ACL with a rate limit per IP address, which keeps no samples', () => {
    expect(DistributionConfig.WebACLId).toEqual({ 'Fn::GetAtt': ['WebAcl', 'Arn'] })
    const { Rules, Scope, VisibilityConfig } = Resources.WebAcl.Properties
    expect(Scope).toBe('CLOUDFRONT')
    expect(Rules[0].Statement.RateBasedStatement).toEqual({
      AggregateKeyType: 'IP',
      EvaluationWindowSec: 300,
      Limit: { Ref: 'RequestsPerAddress' },
    })
    for (const config of [VisibilityConfig, ...Rules.map((rule: typeof Resources) => rule.VisibilityConfig)])
      expect(config.SampledRequestsEnabled).toBe(false)
  })
})

describe("the stack of the customer's key", () => {
  const { Key } = read('customer-key').Resources
  const statements = z
    .array(
      z.object({
        Sid: z.string(),
        Action: z.unknown(),
        Principal: z.unknown(),
        Condition: z.unknown().optional(),
      }),
    )
    .parse(Key.Properties.KeyPolicy.Statement)
  const find = (sid: string) => statements.find(({ Sid }) => Sid === sid)

  test('rotates the key, and keeps it when the stack is removed', () => {
    expect(Key).toMatchObject({
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
      Properties: { EnableKeyRotation: true },
    })
  })

  test('lets only IAM, CloudWatch Logs and CloudWatch alarms use the key', () => {
    expect(statements.map(({ Sid }) => Sid)).toEqual(['IamPoliciesApply', 'LogGroups', 'AlarmsToTopic'])
  })

  test("limits CloudWatch Logs to the service's own log groups, and alarms to the AWS account", () => {
    const { ArnLike } = z
      .object({ ArnLike: z.record(z.string(), z.array(z.object({ 'Fn::Sub': z.string() }))) })
      .parse(find('LogGroups')?.Condition)
    const groups = ArnLike['kms:EncryptionContext:aws:logs:arn']?.map((arn) =>
      arn['Fn::Sub'].split(':').at(-1),
    )
    expect(groups).toEqual([`/aws/lambda/\${Service}-\${Stage}-*`, `/aws/http-api/\${Service}-\${Stage}`])
    expect(find('AlarmsToTopic')).toMatchObject({
      Action: ['kms:Decrypt', 'kms:GenerateDataKey*'],
      Principal: { Service: 'cloudwatch.amazonaws.com' },
      Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
    })
  })
})

test.each(['cloudfront', 'customer-key'])(
  '%s.yml has nothing that CloudFormation refuses: no anchors',
  (name) => {
    const text = readFileSync(new URL(`../../infrastructure/stacks/${name}.yml`, import.meta.url), 'utf8')
    expect(text).not.toMatch(/<<:|[:-] [&*][a-z]/i)
  },
)
