const SECOND_MS = 1000

/** Counts down to the times of a session and says once when the first is over. */
export function createCountdown(elements, onOver) {
  let times = {}
  let timer

  function tick() {
    const now = Date.now()
    for (const element of elements) {
      const endsAt = times[element.dataset.clock]
      element.textContent = format(endsAt - now)
      element.title = new Date(endsAt).toLocaleString()
    }
    if (Math.min(...Object.values(times)) > now) return
    clearInterval(timer)
    onOver()
  }

  return {
    start({ idleEndsAt, absoluteEndsAt }) {
      times = { idleEndsAt, absoluteEndsAt }
      clearInterval(timer)
      timer = setInterval(tick, SECOND_MS)
      tick()
    },
    stop: () => clearInterval(timer),
  }
}

function format(leftMs) {
  const left = Math.max(0, Math.ceil(leftMs / SECOND_MS))
  const parts = [Math.floor(left / 60) % 60, left % 60].map((part) => String(part).padStart(2, '0'))
  const hours = Math.floor(left / 3600)
  return hours > 0 ? `${hours}:${parts.join(':')}` : parts.join(':')
}
