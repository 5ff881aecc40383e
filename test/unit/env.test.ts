import { readSettings } from "../../src/env.ts";
console.log(readSettings);
