/** Secrets to be planted, each with a mark by which it is found again wherever it comes up. */
import { secretsOf } from "../../fixtures/secrets.ts";

/** No vowels: a mark is never a word. */
const LETTERS = "BCDFGHJKMNPQRSTVWXYZbcdfghjkmnpq";

export class Sentinels {
  readonly #places = new Map<string, string>();

  /** @returns a secret of each kind, with its kind */
  each(place: string): [string, string][] {
    return Object.keys(secretsOf("x")).map((kind) => [kind, secretsOf(this.#mark(`${place}, ${kind}`))[kind] ?? ""]);
  }

  /** All kinds in one text of several lines. */
  text(place: string): string {
    return this.each(place)
      .map(([kind, secret]) => `${kind}: ${secret}`)
      .join("\n");
  }

  /** A key that looks like one, for fields that take little. */
  short(place: string): string {
    return `sk-${this.#mark(place)}${this.#mark(place)}`;
  }

  /** A secret that looks like nothing: only its field tells. */
  plain(place: string): string {
    return `plain0${this.#mark(place)}0plain`;
  }

  #mark(place: string): string {
    const random = [...crypto.getRandomValues(new Uint8Array(10))];
    const mark = `Q${random.map((byte) => LETTERS[byte % LETTERS.length]).join("")}Z`;
    this.#places.set(mark, place);
    return mark;
  }

  /** The places where those were planted that are found in the text. */
  foundIn(text: string): string[] {
    const lower = text.toLowerCase();
    return [...this.#places].filter(([mark]) => lower.includes(mark.toLowerCase())).map(([, place]) => place);
  }

  get count(): number {
    return this.#places.size;
  }
}
