import { randomFaults } from "./random.ts";

randomFaults(1, 2);
