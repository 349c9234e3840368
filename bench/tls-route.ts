/**
 * Leads every connection to port 443 to a port of this machine. Names and certificates stay as they are, so
 * that clients do all that they do for the real services.
 */
export const routeTlsTo = (port: number): void => {
  const { Socket } = process.getBuiltinModule('node:net')
  const { connect } = Socket.prototype
  // A socket may be given its options as the first argument, or as the first member of an array.
  Socket.prototype.connect = function (this: InstanceType<typeof Socket>, ...args: readonly unknown[]) {
    const given = Array.isArray(args[0]) ? args[0][0] : args[0]
    if (isToHttps(given)) Object.assign(given, { host: '127.0.0.1', port })
    return Reflect.apply(connect, this, args)
  }
}

const isToHttps = (options: unknown): options is object =>
  typeof options === 'object' && options !== null && 'port' in options && Number(options.port) === 443
