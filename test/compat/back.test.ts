import { describeTakeover } from "./takeover.ts";

describeTakeover("this release");
