import * as z from "zod";

/** However it is written, objects and rows are named in lower case. */
export const Uuid = z.uuid().toLowerCase().meta({ example: "0d5f6a3e-6c0b-4f0e-9d3a-7f1f0c1b2a3d" });
export const Timestamp = z.iso.datetime().meta({ description: "RFC 3339, UTC", example: "2026-11-20T12:00:00.000Z" });
export const Sha256Hex = z.string().regex(/^[0-9a-f]{64}$/, "must be 64 lowercase hexadecimal digits (SHA-256)");
/** What JSON can write and UTF-8 cannot hold: half a surrogate pair (RFC 8259, section 8.2). */
export const ILL_FORMED = "must be well-formed Unicode text";
/** DigitalOcean numbers its droplets. */
export const DropletId = z.int().positive();

const NextCursor = z.string().nullable().meta({ description: "Cursor of the next page. null: this is the last page." });
const CURSOR = "`next_cursor` of the previous page";
/** A cursor that is a number is described as what it comes from: the text of `next_cursor`. */
export const NUMBER_AS_TEXT = { type: "string", pattern: "^[0-9]{1,15}$" } as const;

/** `{data, next_cursor}`: one page of a list; `next_cursor` is null on the last. */
export function pageOf<T extends z.ZodType>(item: T, id: string) {
  return z.object({ data: z.array(item), next_cursor: NextCursor }).meta({ id });
}

export const PageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(100).meta({ description: "Items per page" }),
  cursor: z.string().max(512).optional().meta({ description: CURSOR }),
});

/** Of what is numbered: the cursor is the last number of the page before. */
export const NumberedPageQuery = PageQuery.extend({
  cursor: z.coerce
    .number()
    .int()
    .min(1)
    .optional()
    .meta({ ...NUMBER_AS_TEXT, description: CURSOR }),
});
