const SECOND_MS = 1000
const ASK_AGAIN_MS = 5 * SECOND_MS

/**
 * Counts down to the times of a session, by the server's clock, and calls `onOver` when the first is
 * reached: at most once in five seconds, even if the clocks disagree.
 */
export function createCountdown(elements, onOver) {
  let timer

  function start({ idleEndsAt, absoluteEndsAt, serverTime }) {
    const times = { idleEndsAt, absoluteEndsAt }
    const startedAt = performance.now()
    clearInterval(timer)
    timer = setInterval(tick, SECOND_MS)
    tick()

    function tick() {
      const passed = performance.now() - startedAt
      const left = (endsAt) => endsAt - serverTime - passed
      for (const element of elements) {
        const endsAt = times[element.dataset.clock]
        element.textContent = format(left(endsAt))
        element.title = new Date(endsAt).toLocaleString()
      }
      if (left(Math.min(idleEndsAt, absoluteEndsAt)) > 0) return
      clearInterval(timer)
      timer = setTimeout(onOver, Math.max(0, ASK_AGAIN_MS - passed))
    }
  }

  return { start, stop: () => clearInterval(timer) }
}

function format(leftMs) {
  const left = Math.max(0, Math.ceil(leftMs / SECOND_MS))
  const parts = [Math.floor(left / 60) % 60, left % 60].map((part) => String(part).padStart(2, '0'))
  const hours = Math.floor(left / 3600)
  return hours > 0 ? `${hours}:${parts.join(':')}` : parts.join(':')
}
