import type { VerdictRequest as RequestAbout } from "../../resources/verdict.ts";
import type { ProviderDroplet } from "../schema.ts";

/** What the sweep asks a Bot about a droplet that carries the bot's name. */
export type VerdictRequest = RequestAbout<ProviderDroplet>;
