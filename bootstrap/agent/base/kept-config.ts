/** A config as it is kept on the disk: without its secrets. */
import * as z from "zod";
import { RiskConfig, TradingConfig } from "../../../src/wire/config.ts";
import { Uuid } from "../../../src/wire/primitives.ts";

/** Of a row, or of a part of one. */
export const ConfigRow = z.object({
  id: Uuid,
  version: z.number(),
  llm_provider: z.string(),
  trading_config: z.string().transform((text) => TradingConfig.parse(JSON.parse(text))),
  risk_config: z.string().transform((text) => RiskConfig.parse(JSON.parse(text))),
});
export type KeptConfig = z.output<typeof ConfigRow>;
