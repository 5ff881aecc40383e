/** Files that the Worker imports as text (`[[rules]]` in wrangler.toml). */
declare module "*.sh" {
  const text: string;
  export default text;
}
declare module "*.service" {
  const text: string;
  export default text;
}
declare module "*.txt" {
  const text: string;
  export default text;
}
