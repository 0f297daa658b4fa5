/**
 * The one place that knows where the npm package lies beside this page: `coldpress/` is a copy of it.
 * A relative path, because an inline import map would be an inline script to the content security policy.
 */
export * from '../coldpress/index.js'
