/** What every handler finds in its context, and the app that all resources share. */
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Person, Principal } from "../accounts/principal.ts";
import type { Env } from "../bindings.ts";
import type { Settings } from "../env.ts";
import type { AgentCaller } from "../records/caller.ts";
import { invalid } from "./problem.ts";
import { illFormedText } from "./well-formed.ts";

export interface AppEnv {
  Bindings: Env;
  Variables: {
    request_id: string;
    settings: Settings;
    /** Set by `access`: whom the credential belongs to, what it may do and whose bots it reaches. */
    principal: Principal;
    /** Set where the caller came with a session. */
    person: Person | undefined;
    /** Set by `agent`: which bot the token names. */
    agent: AgentCaller & { bot_id: string };
  };
}

/** A sub-app whose invalid input is answered with a problem. */
export function createApp(): OpenAPIHono<AppEnv> {
  return new OpenAPIHono<AppEnv>({
    defaultHook: (result, c) => {
      if (!result.success) return invalid(c, result.target, result.error.issues);
      // An agent is heard whatever bytes its workload has printed.
      const issue = c.get("agent") === undefined ? illFormedText(result.data) : null;
      return issue === null ? undefined : invalid(c, result.target, [issue]);
    },
  });
}
