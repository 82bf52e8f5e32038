const SPARE_BYTES = 8192

let spare: Buffer | undefined

/**
 * Memory of at least so many bytes, to be given back with {@link giveBack}. Asking Node for it costs a tenth of
 * opening a value. Whoever has it has it alone, also when one call runs within another. For sealed bytes: what
 * stays in it is what cookies show.
 */
export function takeBuffer(bytes: number): Buffer {
  if (bytes > SPARE_BYTES) return Buffer.allocUnsafe(bytes)
  const taken = spare ?? Buffer.allocUnsafeSlow(SPARE_BYTES)
  spare = undefined
  return taken
}

/** Gives memory back; nobody looks at it any more. */
export function giveBack(buffer: Buffer): void {
  if (buffer.length === SPARE_BYTES) spare = buffer
}
