/**
 * The one agent that an intent's registration token lets in. Stored in two shapes for as long as the release before may
 * come back: as the record `enrolment`, and as the three `token_…` fields that it reads and writes. It keeps a record
 * that it does not know as it was, so after a rollback and its return the fields are newer than the record. They are
 * believed, except where they would permit more. The rule stands in CONTRIBUTING.md, "Changing stored state".
 */
import * as z from "zod";
import { keep, member } from "./keep.ts";

/** From the most permissive to the strictest; a token only ever moves on. */
export const TOKEN_STATES = ["live", "used", "killed"] as const;
export const TokenState = member(TOKEN_STATES);
type TokenState = z.infer<typeof TokenState>;

export const Enrolment = keep({ token_hash: z.string(), expires_at: z.number(), state: TokenState });
type Enrolment = z.infer<typeof Enrolment>;

/** As the release before has it. Nothing outside of this file reads these. */
interface TokenFields {
  token_hash: string;
  token_expires_at: number;
  token_state: TokenState;
}

/** Both shapes. */
type Enrolled = TokenFields & { enrolment: Enrolment };

export function enrolled(enrolment: Enrolment): Enrolled {
  const { token_hash, expires_at, state } = enrolment;
  return { enrolment, token_hash, token_expires_at: expires_at, token_state: state };
}

/** @returns the intent with its token moved on */
export function withToken<T extends Enrolled>(intent: T, state: TokenState): T {
  return { ...intent, ...enrolled({ ...intent.enrolment, state }) };
}

/** What either release has stored, in both shapes. */
export function readEnrolment<T extends TokenFields & { enrolment?: Enrolment | undefined }>(stored: T): T & Enrolled {
  const { enrolment, token_hash, token_expires_at: expires_at, token_state } = stored;
  const state = stricter(token_state, enrolment?.state ?? token_state);
  return { ...stored, ...enrolled({ ...enrolment, token_hash, expires_at, state }) };
}

function stricter(a: TokenState, b: TokenState): TokenState {
  return strictness(a) > strictness(b) ? a : b;
}

/** Of what only a newer release knows nothing is permitted. */
function strictness(state: TokenState): number {
  const rank = TOKEN_STATES.indexOf(state);
  return rank === -1 ? TOKEN_STATES.length : rank;
}
