/** Adds to a request what proves a key (RFC 9449). */
export interface RequestProofs {
  /** The header for one request; a retry needs another one. */
  headers(
    method: string,
    url: string,
    options?: { readonly accessToken?: string; readonly clockOffsetMs?: number },
  ): Promise<Record<string, string>>
  /** Remembers the server's nonce; whether the server asks for another try with it. */
  learn(url: string, response: Response): Promise<boolean>
}
