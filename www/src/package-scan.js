/** The same as `package.js`, for what reads rows by ranges. */
export * from '../coldpress/scan.js'
