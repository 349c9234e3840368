// Must be imported first. Otherwise the handlers write their log and metrics to the terminal.
Object.assign(process.env, { LOG_LEVEL: 'SILENT', POWERTOOLS_METRICS_DISABLED: 'true' })
