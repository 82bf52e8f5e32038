// Runs before the page: what goes wrong in it is noted down, over all pages of this tab at this origin.
{
  const note = (what) => {
    const former = JSON.parse(sessionStorage.getItem('lab') ?? '[]')
    sessionStorage.setItem('lab', JSON.stringify([...former, what]))
  }
  addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI }) =>
    note(`policy: ${effectiveDirective} ${blockedURI}`),
  )
  // Captured: scripts and styles that do not load tell nobody above them.
  addEventListener(
    'error',
    ({ message, target }) => note(`error: ${message ?? target.src ?? target.href}`),
    true,
  )
  addEventListener('unhandledrejection', ({ reason }) =>
    note(`rejection: ${reason?.code ?? reason}`),
  )
  for (const level of ['error', 'warn']) {
    const original = console[level]
    console[level] = (...parts) => {
      note(`console.${level}: ${parts[0]}`)
      original.apply(console, parts)
    }
  }
}
