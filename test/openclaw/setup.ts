import { install } from "./package.ts";

export default install;
