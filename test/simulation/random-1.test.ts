import { randomFaults } from "./random.ts";

randomFaults(0, 2);
