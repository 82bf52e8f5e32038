// What the page and its worker must both know, in one file so that they cannot differ. The names come from .env.
import { allowInsecureHttp } from 'coatcheck/token-worker'

const issuer = import.meta.env.VITE_ISSUER
const api = import.meta.env.VITE_API

const isOnThisMachine = (address) =>
  /^http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?=[:/]|$)/.test(address)

export const settings = {
  issuer,
  clientId: import.meta.env.VITE_CLIENT_ID,
  audience: import.meta.env.VITE_AUDIENCE,
  apis: [api],
  // Plain http only where nothing leaves this machine.
  [allowInsecureHttp]: isOnThisMachine(issuer) && isOnThisMachine(api),
}

export const scope = import.meta.env.VITE_SCOPE

export const apiAddress = (path) => new URL(path, api.replace(/\/?$/, '/'))
