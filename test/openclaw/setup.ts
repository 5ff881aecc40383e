import { install } from "../../scripts/dev/openclaw.ts";

export default install;
