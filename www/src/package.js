/**
 * This file and `package-scan.js` alone know where the npm package is: `coldpress/` beside this page
 * is a copy of it.
 * The path is relative, because the content security policy allows no inline import map.
 */
export * from '../coldpress/index.js'
