/** Files that the Worker imports as text (`[[rules]]` in wrangler.toml). */
declare module "*.sh" {
  const text: string;
  export default text;
}
declare module "*.service" {
  const text: string;
  export default text;
}
declare module "*.socket" {
  const text: string;
  export default text;
}
declare module "*.txt" {
  const text: string;
  export default text;
}

/** What the Worker uses of Node: `nodejs_compat` in wrangler.toml. */
declare module "node:crypto" {
  export function scrypt(
    password: string,
    salt: string,
    keylen: number,
    options: { N: number; r: number; p: number; maxmem: number },
    callback: (error: Error | null, key: Uint8Array) => void,
  ): void;
}
