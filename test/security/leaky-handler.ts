/** A handler as nobody should write one: it tells all that it is given. It shows that the canary test would see it. */
export const handler = async (event: unknown) => {
  const said = JSON.stringify(event)
  console.log(said)
  console.error(Buffer.from(`x${said}`).toString('base64'))
  console.log(JSON.stringify({ _aws: { Timestamp: 0, CloudWatchMetrics: [] }, consumer: said }))
  return { statusCode: 200, headers: { 'x-said': encodeURIComponent(said) }, body: said }
}
