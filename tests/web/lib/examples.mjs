// Every example in JavaScript or TypeScript of a README, as it stands there.
import { readFileSync } from 'node:fs'

const FENCE = /^```(js|ts)\n([\s\S]*?)^```$/gm

/**
 * The examples of a file, in order.
 *
 * @param {string} path
 * @returns {{ line: number, language: 'js' | 'ts', code: string }[]} `line`: where the fence begins
 */
export function examplesOf(path) {
  const text = readFileSync(path, 'utf8')
  return [...text.matchAll(FENCE)].map(({ index, 1: language, 2: code }) => ({
    line: text.slice(0, index).split('\n').length, language: /** @type {any} */ (language), code,
  }))
}

/**
 * Gives each example the plan whose words stand in it. An example without a plan, or a plan without
 * an example, is an error: a new example must be run too.
 *
 * @template T
 * @param {ReturnType<typeof examplesOf>} examples
 * @param {Record<string, T>} plans words that stand in one example alone → what is done with it
 */
export function planned(examples, plans) {
  const unused = new Set(Object.keys(plans))
  const all = examples.map((example) => {
    const words = Object.keys(plans).filter((text) => example.code.includes(text))
    const [name] = words
    if (words.length !== 1) {
      const found = words.length === 0 ? 'no plan' : `the plans ${words.join(', ')}`
      throw new Error(
        `the example at line ${example.line} has ${found}; a plan says where it is run`,
      )
    }
    if (!unused.delete(name)) throw new Error(`two examples have the words ${name}`)
    return { ...example, name, plan: plans[name] }
  })
  if (unused.size > 0) throw new Error(`no example has the words ${[...unused].join(', ')}`)
  return all
}
