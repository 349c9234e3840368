// Imported before all else: handlers write log and metrics to the terminal that the table is for.
Object.assign(process.env, { LOG_LEVEL: 'SILENT', POWERTOOLS_METRICS_DISABLED: 'true' })
