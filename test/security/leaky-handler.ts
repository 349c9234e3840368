/** A handler that leaks everything it receives. It shows that the canary test finds leaks. */
export const handler = async (event: unknown) => {
  const said = JSON.stringify(event)
  console.log(said)
  console.error(Buffer.from(`x${said}`).toString('base64'))
  console.log(JSON.stringify({ _aws: { Timestamp: 0, CloudWatchMetrics: [] }, consumer: said }))
  return { statusCode: 200, headers: { 'x-said': encodeURIComponent(said) }, body: said }
}
