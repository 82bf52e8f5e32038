/** What a proof is for, besides the request. */
export interface ProofOptions {
  readonly accessToken?: string
  readonly clockOffsetMs?: number
  /** Whether the request can be sent a second time, if the server asks for a nonce. Default: true. */
  readonly isRepeatable?: boolean
}

/** Sends requests with what proves a key (RFC 9449). */
export interface RequestProofs {
  /** Sends with the header, and once more with another proof where the server asks for a nonce. */
  send(
    method: string,
    url: string,
    send: (headers: Readonly<Record<string, string>>) => Promise<Response>,
    options?: ProofOptions,
  ): Promise<Response>
}
