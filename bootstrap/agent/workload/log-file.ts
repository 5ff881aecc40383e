/** The workload's output on disk: by the line, redacted, and never more than two files of a bounded size. */
import { appendFileSync, mkdirSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Readable } from "node:stream";

/** A line longer than this is cut, once it is clean: a part of a secret would not be known for one. */
const LINE_MAX_CHARS = 16_384;
/** Of a line that does not end, so much is kept: whatever begins before the cut is whole, since no secret is longer. */
const LINE_KEPT_CHARS = LINE_MAX_CHARS + 32 * 1024;

export class LogFile {
  readonly #path: string;
  readonly #max_bytes: number;
  readonly #clean: (line: string) => string;
  /** Null while it is not known, as after a write that failed. */
  #size: number | null = null;

  constructor(path: string, max_bytes: number, clean: (line: string) => string) {
    this.#path = path;
    this.#max_bytes = max_bytes;
    this.#clean = clean;
  }

  write(line: string): void {
    this.#append(this.#cleaned(line));
  }

  /**
   * @param onError the disk may be full: output is then lost, but nothing else. Told of the first line of each loss.
   * @returns its last line that says something, clean
   */
  follow(stream: Readable, onError: (error: unknown) => void): () => string | null {
    let rest = "";
    let last: string | null = null;
    let losing = false;
    const put = (line: string) => {
      const clean = this.#cleaned(line.slice(0, LINE_KEPT_CHARS));
      if (clean.trim() !== "") last = clean;
      try {
        this.#append(clean);
        losing = false;
      } catch (error) {
        if (!losing) onError(error);
        losing = true;
      }
    };
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => {
      const lines = (rest + chunk).split("\n");
      rest = (lines.pop() ?? "").slice(0, LINE_KEPT_CHARS);
      for (const line of lines) put(line);
    });
    stream.on("end", () => {
      if (rest !== "") put(rest);
    });
    stream.on("error", onError);
    return () => last;
  }

  #cleaned(line: string): string {
    return this.#clean(line).slice(0, LINE_MAX_CHARS);
  }

  #append(clean: string): void {
    const text = Buffer.from(`${clean}\n`);
    let size = this.#size ?? this.#measure();
    this.#size = null;
    if (size > 0 && size + text.length > this.#max_bytes) {
      renameSync(this.#path, `${this.#path}.1`);
      size = 0;
    }
    appendFileSync(this.#path, text, { mode: 0o600 });
    this.#size = size + text.length;
  }

  #measure(): number {
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    return statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
  }
}
