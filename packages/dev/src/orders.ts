/** One order of somebody's. */
export interface Order {
  readonly id: string
  readonly item: string
  readonly quantity: number
  readonly placedAt: string
}

/** Orders by person, in memory. */
export interface Orders {
  list(subject: string): readonly Order[]
  add(subject: string, order: { readonly item: string; readonly quantity: number }): Order
}

const MAX_ORDERS = 100

const SAMPLE: readonly Order[] = [
  { id: '1001', item: 'Brass coat hook', quantity: 2, placedAt: '2026-01-12T09:30:00.000Z' },
  { id: '1002', item: 'Numbered tag, pair', quantity: 50, placedAt: '2026-02-03T15:05:00.000Z' },
  { id: '1003', item: 'Cedar hanger', quantity: 12, placedAt: '2026-03-21T11:45:00.000Z' },
]

/** Makes the orders: everybody begins with the same three, and the oldest go when there are too many. */
export function createOrders(): Orders {
  const bySubject = new Map<string, readonly Order[]>()
  let lastId = SAMPLE.length + 1000
  const list = (subject: string): readonly Order[] => bySubject.get(subject) ?? SAMPLE
  return {
    list,
    add: (subject, { item, quantity }) => {
      lastId += 1
      const placedAt = new Date().toISOString()
      const order = { id: String(lastId), item, quantity, placedAt }
      bySubject.set(subject, [...list(subject), order].slice(-MAX_ORDERS))
      return order
    },
  }
}
