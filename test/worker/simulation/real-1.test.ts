import { realFaults } from "./real.ts";

realFaults(0, 2);
