import { realFaults } from "./real.ts";

realFaults(1, 2);
