/** An event as the wire shows it. Pure. */
import type { EventView } from "../../wire/bot.ts";
import type { RecordedEvent } from "../model/events.ts";
import { iso } from "./bot.ts";
import { sentenceOf } from "./sentences.ts";

/** Kept from people: hashes say nothing to them and are nobody's business, and a snapshot is full of them. */
const HIDDEN_FIELDS = ["token_hash", "credential_sha256", "bot"];

export function viewEvent(event: RecordedEvent): EventView {
  const { seq, at, kind, actor, data, before, after, reason } = event;
  const shown = Object.entries(data).filter(([field]) => !HIDDEN_FIELDS.includes(field));
  const sentence = sentenceOf(event);
  return { seq, at: iso(at), kind, actor, before, after, reason, sentence, data: Object.fromEntries(shown) };
}
