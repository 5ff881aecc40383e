import { install } from "./debian.ts";

export default install;
