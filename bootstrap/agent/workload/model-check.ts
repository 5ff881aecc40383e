/** Asks OpenClaw whether it has the bot's key, and, with one request of a few tokens, whether the provider takes it. */
import * as z from "zod";
import { providerId } from "../../../src/wire/models.ts";
import type { Gateway } from "./gateway-client.ts";
import { type ModelAnswer, REFUSALS } from "./model-check-rules.ts";

/** For both questions. A refused key takes 6 s on a busy machine. */
const BUDGET_MS = 25_000;
/** What OpenClaw itself waits for the provider; it takes no less than 5 s. */
const PROVIDER_MS = 15_000;

const AuthStatus = z.object({
  providers: z.array(z.object({ provider: z.string(), authProvider: z.string().optional(), status: z.string() })),
});
const Probed = z.object({ status: z.string() });

/** @param now_ms monotonic. @throws GatewayError, or where an answer makes no sense */
export async function askModel(gateway: Gateway, llm_provider: string, now_ms: () => number): Promise<ModelAnswer> {
  const provider = providerId(llm_provider);
  const until_ms = now_ms() + BUDGET_MS;
  const keys = AuthStatus.parse(await gateway.call("models.authStatus", {}, BUDGET_MS));
  if (isMissing(keys, provider)) return "missing";
  const asked = { provider, timeoutMs: PROVIDER_MS };
  const { status } = Probed.parse(await gateway.call("models.probe", asked, Math.max(1, until_ms - now_ms())));
  return status === "ok" ? "ok" : (REFUSALS.find((refusal) => refusal === status) ?? "undecided");
}

/** One that is not listed may have its key all the same. */
function isMissing({ providers }: z.infer<typeof AuthStatus>, provider: string): boolean {
  const found = providers.filter((one) => one.provider === provider || one.authProvider === provider);
  return found.length > 0 && found.every(({ status }) => status === "missing");
}
