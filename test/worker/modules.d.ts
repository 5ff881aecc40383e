/** Files that tests read as text. */
declare module "*.sql?raw" {
  const text: string;
  export default text;
}
