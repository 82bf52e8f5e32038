import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

/** Somebody who can sign in at the development provider. */
export interface User {
  /** The subject of all tokens. */
  readonly id: string
  readonly username: string
  readonly name: string
  readonly email: string
}

/** A test user as it is printed at start. */
export interface TestUser {
  readonly username: string
  readonly password: string
}

/** Finds users and checks their passwords. */
export interface Users {
  byId(id: string): User | undefined
  /** The user, or `undefined`: it takes as long for a wrong name as for a wrong password. */
  authenticate(username: string, password: string): Promise<User | undefined>
}

/** Who can sign in. The provider is bound to loopback, and these open nothing but the sample. */
export const TEST_USERS: readonly TestUser[] = [
  { username: 'ada', password: 'engine-1843' },
  { username: 'grace', password: 'compiler-1952' },
]

const PEOPLE: readonly User[] = [
  { id: 'u-ada-1815', username: 'ada', name: 'Ada Lovelace', email: 'ada@users.example' },
  { id: 'u-grace-1906', username: 'grace', name: 'Grace Hopper', email: 'grace@users.example' },
]

const KEY_BYTES = 32
const SALT_BYTES = 16
const SCRYPT = { N: 16_384, r: 8, p: 5, maxmem: 64 * 1024 * 1024 }
const MAX_PASSWORD_LENGTH = 256

interface Verifier {
  readonly salt: Buffer
  readonly key: Buffer
}

/** Makes the two test users; only salted scrypt keys of their passwords are held. */
export async function createUsers(): Promise<Users> {
  const verifiers = new Map<string, Verifier>()
  for (const { username, password } of TEST_USERS) verifiers.set(username, await derive(password))
  const nobody = await derive(randomBytes(SALT_BYTES).toString('hex'))
  return {
    byId: (id) => PEOPLE.find((user) => user.id === id),
    authenticate: async (username, password) => {
      const { salt, key } = verifiers.get(username) ?? nobody
      const given = await derive(password.slice(0, MAX_PASSWORD_LENGTH), salt)
      if (!timingSafeEqual(given.key, key)) return undefined
      return PEOPLE.find((user) => user.username === username)
    },
  }
}

function derive(password: string, salt: Buffer = randomBytes(SALT_BYTES)): Promise<Verifier> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFKC'), salt, KEY_BYTES, SCRYPT, (error, key) => {
      if (error === null) resolve({ salt, key })
      else reject(error)
    })
  })
}
