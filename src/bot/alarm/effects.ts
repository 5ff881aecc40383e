/**
 * What each call to DigitalOcean *does*: the intent that is committed before it, and the call itself. What it *is*
 * stands in reconcile/effects.ts.
 */

import { botTag, dropletName, dropletTags } from "../../naming/fleet.ts";
import type { Outcome } from "../../provider/outcome.ts";
import { quote } from "../../wire/redact.ts";
import { formatToken, hashToken } from "../../wire/tokens.ts";
import type { EventBody } from "../model/events.ts";
import type { BotState } from "../model/state.ts";
import type { Answered, Effect, EffectKind, Finished, Sent } from "../reconcile/effects.ts";
import type { DropletPlan, Platform } from "../shell/ports.ts";

/** A call that is ready to be made once its intent is committed. */
interface Undertaking<K extends EffectKind> {
  /** The intent: events that are committed before the call. A read needs none. */
  intent: EventBody[];
  sent: Sent<K>;
  call(): Promise<Answered<K>>;
}

interface EffectDeeds<K extends EffectKind> {
  /** What has to be awaited before the state is looked at for the last time; null: nothing. */
  prepare: ((platform: Platform, bot: BotState) => Promise<Token>) | null;
  /** The intent and the call; or what is to be recorded where the call cannot even be made. */
  undertake(
    platform: Platform,
    bot: BotState,
    effect: Effect<K>,
    token: Token | null,
  ): Undertaking<K> | { impossible: EventBody[] };
}

export interface Token {
  plain: string;
  hash: string;
}

const DEEDS: { readonly [K in EffectKind]: EffectDeeds<K> } = {
  create_droplet: {
    prepare: mintToken,
    undertake: (platform, bot, _effect, token) => undertakeCreate(platform, bot, token),
  },
  get_droplet: {
    prepare: null,
    undertake: ({ provider }, _bot, { droplet_id }) => ({
      intent: [],
      sent: { droplet_id },
      call: () => provider.getDroplet(droplet_id),
    }),
  },
  delete_droplet: {
    prepare: null,
    undertake: ({ provider }, _bot, { droplet_id }) => ({
      intent: [{ kind: "droplet_delete_sent", data: { droplet_id } }],
      sent: { droplet_id },
      call: () => provider.deleteDroplet(droplet_id),
    }),
  },
  power: {
    prepare: null,
    undertake: ({ provider }, _bot, { droplet_id, action }) => ({
      intent: [{ kind: "power_sent", data: { droplet_id, action } }],
      sent: { droplet_id, action },
      call: () => provider.dropletAction(droplet_id, action),
    }),
  },
  list: {
    prepare: null,
    undertake: ({ provider }, { fleet, id }, { how, generation, subject }) => {
      const name = dropletName(fleet, id, generation);
      const filter = how === "name" ? { name } : how === "tag" ? { tag: botTag(id) } : ({ all: true } as const);
      return { intent: [], sent: { how, subject }, call: () => provider.listDroplets(filter) };
    },
  },
};

export function prepare(platform: Platform, bot: BotState, effect: Effect): Promise<Token> | null {
  return DEEDS[effect.kind].prepare?.(platform, bot) ?? null;
}

/** A call whose intent is to be committed, and which is then made. */
export interface Prepared {
  intent: EventBody[];
  /** Makes the call. Never throws. */
  run(): Promise<Finished>;
}

export function undertake<K extends EffectKind>(
  platform: Platform,
  bot: BotState,
  effect: Effect<K>,
  token: Token | null,
): Prepared | { impossible: EventBody[] } {
  const undertaking = DEEDS[effect.kind].undertake(platform, bot, effect, token);
  if ("impossible" in undertaking) return undertaking;
  const { intent, sent, call } = undertaking;
  return {
    intent,
    run: async () => ({ kind: effect.kind, ...sent, outcome: await guarded(call) }) as Finished,
  };
}

function undertakeCreate(
  platform: Platform,
  bot: BotState,
  token: Token | null,
): Undertaking<"create_droplet"> | { impossible: EventBody[] } {
  if (token === null) return { impossible: [] };
  const { userData, ...plan }: DropletPlan = platform.plan;
  let user_data: string;
  try {
    user_data = userData(bot, token.plain);
  } catch (error) {
    const detail = `The droplet's user data cannot be rendered: ${error instanceof Error ? error.message : "unknown"}`;
    const operation_id = bot.operation.id;
    return {
      impossible: [{ kind: "operation_failed", data: { operation_id, code: "user_data_invalid", detail } }],
    };
  }
  const { fleet, id, generation } = bot;
  const name = dropletName(fleet, id, generation);
  const tags = dropletTags(fleet, id, generation);
  const intent_id = platform.uuid();
  const opened = {
    intent_id,
    generation,
    droplet_name: name,
    tags,
    token_hash: token.hash,
    token_expires_at: platform.now() + platform.policy.registration_token_ttl_ms,
    region: plan.region,
    size: plan.size,
    image: plan.image,
  };
  return {
    intent: [{ kind: "intent_opened", data: opened }],
    sent: { intent_id },
    call: () => platform.provider.createDroplet({ ...plan, name, tags, user_data }),
  };
}

async function mintToken(platform: Platform, bot: BotState): Promise<Token> {
  const plain = formatToken("reg", bot.id, platform.randomBytes(32));
  return { plain, hash: await hashToken(plain) };
}

/** The client returns its refusals; whatever it throws all the same is an outcome that we do not know. */
async function guarded<T>(call: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
  try {
    return await call();
  } catch (error) {
    return { kind: "unknown", detail: error instanceof Error ? quote(error.message, 200) : "the call failed" };
  }
}
