// The recipes of the package's README, as code to be run: what it says is what is tested.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { unpacked } from './tools.mjs'

/**
 * The code of one recipe, which begins at a line `**Title…`.
 *
 * @param {string} title as it begins, such as `Vite`
 * @returns {{ blocks: string[], spans: string[] }} its fenced blocks, and its code within sentences
 */
export function recipe(title) {
  const text = readFileSync(join(unpacked(), 'README.md'), 'utf8')
  const section = text.split(/^## Recipes$/m)[1]?.split(/^## /m)[0]
  if (section === undefined) throw new Error('the README of the package has no section «Recipes»')
  const found = section.split(/^(?=\*\*)/m).find((part) => part.startsWith(`**${title}`))
  if (found === undefined) throw new Error(`the README of the package has no recipe «${title}»`)
  const fence = /^```\w*\n([\s\S]*?)^```$/gm
  return {
    blocks: [...found.matchAll(fence)].map(([, code]) => code),
    spans: [...found.replace(fence, '').matchAll(/`([^`]+)`/g)].map(([, code]) => code),
  }
}

/** The statement of a recipe that imports the package. */
export function importOf(title) {
  const { blocks, spans } = recipe(title)
  const all = [...spans, ...blocks.flatMap((block) => block.split('\n'))].map((line) => line.trim())
  const found = all.find((line) => /^import \{.*\} from ['"].*coldpress/.test(line))
  if (found === undefined) throw new Error(`the recipe «${title}» imports nothing from coldpress`)
  return found
}
