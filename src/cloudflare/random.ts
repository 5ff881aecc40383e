/** Where the Worker's secrets, ids and nonces come from; everything below it is handed this function. */
export function randomBytes(count: number): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(count));
}
