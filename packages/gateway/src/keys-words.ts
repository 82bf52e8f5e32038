import { type KeyStanding, retirableAt } from 'coatcheck/ring'

const RELOAD_MS = 60_000

/** A line for each key. Without `absoluteSeconds` it is not said from when on a former key may go. */
export function describeKeys(
  standings: readonly KeyStanding[],
  absoluteSeconds: number | undefined,
): string {
  const lines = standings.map((key) => `${key.id}  ${stateOf(key, absoluteSeconds)}`)
  const canSay = absoluteSeconds !== undefined || standings.every(({ role }) => role !== 'former')
  return canSay
    ? lines.join('\n')
    : [...lines, 'With --config coatcheck.yaml it says when a former key may go.'].join('\n')
}

function stateOf(key: KeyStanding, absoluteSeconds: number | undefined): string {
  const { role, createdAt, promotedAt = createdAt, succeededAt } = key
  if (role === 'sealing') return `seals since ${time(promotedAt)}`
  if (role === 'waiting') {
    return `waits since ${time(createdAt)}, may seal from ${time(createdAt + RELOAD_MS)} on`
  }
  const sealed = `only opens since ${time(succeededAt ?? promotedAt)}`
  const dueAt = absoluteSeconds === undefined ? undefined : retirableAt(key, absoluteSeconds)
  return dueAt === undefined ? sealed : `${sealed}, may go from ${time(dueAt)} on`
}

/** What to do when a key was added. */
export function explainAdded(file: string, standings: readonly KeyStanding[]): string {
  const waiting = standings.find(({ role }) => role === 'waiting')
  const sealing = standings.find(({ role }) => role === 'sealing')
  const dueAt = time((waiting?.createdAt ?? 0) + RELOAD_MS)
  return `Key ${waiting?.id} is added: it opens, and seals nothing yet. Key ${sealing?.id} goes on sealing.

Next:
1. Bring ${file} to every machine whose gateway uses it. A gateway reads it while it runs, and logs ring.reloaded with ${waiting?.id}.
2. When all have, and not before ${dueAt}: coatcheck keys rotate ${file}`
}

/** What to do when a key was promoted. */
export function explainPromoted(file: string, standings: readonly KeyStanding[]): string {
  const sealing = standings.find(({ role }) => role === 'sealing')
  const former = standings.filter(({ role }) => role === 'former').map(({ id }) => id)
  return `Key ${sealing?.id} seals from now on. ${former.join(', ')} only ${former.length === 1 ? 'opens' : 'open'}: nobody is signed out.

Next:
1. Bring ${file} to every machine whose gateway uses it.
2. When a former key may go: coatcheck keys list ${file} --config coatcheck.yaml`
}

/** Why a key stays, and whom taking it away would end. */
export function explainEarly({ id, succeededAt }: KeyStanding, dueAt: number): string {
  return `Key ${id} is needed until ${time(dueAt)}.

What began before ${time(succeededAt ?? dueAt)} may still lie under it: sign-ins under way, and sessions that were not written since (a renewal of their tokens does). All of it is over by then. --force ends it now: those people have to sign in again.`
}

/** What it means that a key is gone. */
export function explainRetired(
  file: string,
  id: string,
  standing: KeyStanding | undefined,
  isForced: boolean,
): string {
  const gone = `Key ${id} is gone. Bring ${file} to every machine whose gateway uses it.`
  if (standing?.role !== 'former') return `${gone} It never sealed: nobody is signed out.`
  if (!isForced) return `${gone} Nothing lay under it: nobody is signed out.`
  return `${gone}
Signed out, once its gateway has read the ring: who signed in before ${time(standing.succeededAt ?? 0)} and whose session was not written since. Their refresh tokens stay valid at the provider.`
}

function time(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}
