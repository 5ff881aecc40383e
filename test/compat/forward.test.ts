import { describeTakeover } from "./takeover.ts";

describeTakeover("the previous release");
