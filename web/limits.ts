// In a file of its own, so that esbuild replaces each name by its value.

/** How many times a request is sent again without an answer, and asked for without an outcome. */
export const MAX_RETRIES = 7
export const MAX_ASKS = 30
/** How many times a request that was sent before a reload is asked for again while its status isn't known. */
export const MAX_UNKNOWN = 3
/** The longest pause, in seconds, whatever the service asks for. */
export const MAX_PAUSE = 60
/** How long a form stays busy after its conversation was opened, in seconds: a second click may be late. */
export const AFTERGLOW = 1
/** The most bytes that a request can have if it is to outlive its page. Browsers allow 64 KiB. */
export const KEEPALIVE_LIMIT = 60_000
/** How long the service may take, in milliseconds. */
export const TIMEOUT_MS = 20_000
