// @ts-check

/**
 * The next message of a process that answers this: others may come in between.
 * @param {import('node:child_process').ChildProcess} child
 * @param {string} key
 * @returns {Promise<any>}
 */
export function answerOf(child, key) {
  return new Promise((resolve) => {
    const hear = (/** @type {any} */ message) => {
      if (!Object.hasOwn(message, key)) return
      child.off('message', hear)
      resolve(message)
    }
    child.on('message', hear)
  })
}
