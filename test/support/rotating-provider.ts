import type { RenewFunction, RenewOutcome } from '../../packages/coatcheck/src/sessions/renewal.ts'
import { tokenSet } from './session-fixture.ts'

/** A provider with rotation, as sessions see it: takes each refresh token once, and notes what it is asked. */
export function rotatingProvider(clock: () => number) {
  const asked: string[] = []
  const answers: (RenewOutcome | Error)[] = []
  let gate: Promise<void> = Promise.resolve()
  let issued = 0
  const renew: RenewFunction = async ({ refreshToken }) => {
    asked.push(refreshToken)
    const answer = answers.shift()
    await gate
    if (answer instanceof Error) throw answer
    if (answer !== undefined) return answer
    issued += 1
    return {
      kind: 'renewed',
      tokenSet: tokenSet({
        accessToken: `access-${issued}`,
        refreshToken: `refresh-${issued}`,
        accessTokenReceivedAt: clock(),
        accessTokenExpiresAt: clock() + 300_000,
      }),
    }
  }
  const hold = (): (() => void) => {
    let open = () => {}
    gate = new Promise((resolve) => {
      open = resolve
    })
    return open
  }
  return { asked, answers, renew, hold }
}
