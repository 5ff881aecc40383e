/** States as a newer release leaves them: with a member of an enumeration that this one does not know, wherever one stands. */
import { z } from "zod";
import { readEnrolment } from "../../../src/bot/model/enrolment.ts";
import { BotState } from "../../../src/bot/model/state.ts";

export const UNHEARD_OF = "from_the_future";

/** Names of fields on the way to a member; `[]`: every element of a list. */
export type Place = readonly string[];

/** Read off the schema, so that an enumeration which is added to the state is among them by itself. */
export const PLACES: readonly Place[] = placesOf(BotState);

function placesOf(schema: z.ZodType, path: Place = []): Place[] {
  if (schema.meta()?.known !== undefined) return [path];
  if (schema instanceof z.ZodObject) {
    return Object.entries(schema.shape).flatMap(([field, inner]) => placesOf(inner as z.ZodType, [...path, field]));
  }
  if (schema instanceof z.ZodPipe) return placesOf(schema.in as z.ZodType, path);
  if (schema instanceof z.ZodArray) return placesOf(schema.element as z.ZodType, [...path, "[]"]);
  if (schema instanceof z.ZodNullable || schema instanceof z.ZodDefault || schema instanceof z.ZodOptional) {
    return placesOf(schema.unwrap() as z.ZodType, path);
  }
  return [];
}

/** The state with the member planted there; null where it has no such place just now. */
export function plant(bot: BotState, place: Place, member = UNHEARD_OF): BotState | null {
  const planted = structuredClone(bot);
  return plantIn(planted, place, member) ? withTokensInBothShapes(planted) : null;
}

/** A token that is unheard of in one of its shapes is read so in both. */
function withTokensInBothShapes(bot: BotState): BotState {
  return { ...bot, intents: bot.intents.map(readEnrolment) };
}

function plantIn(value: unknown, [field, ...rest]: Place, member: string): boolean {
  if (typeof value !== "object" || value === null || field === undefined) return false;
  if (field === "[]") return Object.values(value).filter((each) => plantIn(each, rest, member)).length > 0;
  const fields = value as Record<string, unknown>;
  if (!(field in fields)) return false;
  if (rest.length > 0) return plantIn(fields[field], rest, member);
  fields[field] = member;
  return true;
}
