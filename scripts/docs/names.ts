/** Paths and files that a text names, and whether a tree has them. */
import { posix } from "node:path";

const EXTENSION = /\.(?:[cm]?[jt]s|jsonc?|md|sh|sql|toml|ya?ml|service|html|css)$/;
const URL = /\b[a-z][a-z+.-]*:\/\/\S*|\bgithub\.com\/\S*/g;
/** A token that may be a path. What follows a slash, a tilde or a variable belongs to another machine or another directory. */
const TOKEN = /(?<![\w/.@$~:%<>…-])(?:\.{1,2}\/)*[\w@.*{},-]+(?:\/[\w@.*{},-]+)*\/?/g;
const TICKED = /`([^`]+)`/g;
const LINK = /\]\(([^)\s]+)\)/g;
/** `NAME.sh` stands for any name. A document's own name is written in capitals, too. */
const PLACEHOLDER = /(^|\/)[A-Z][A-Z0-9_]*\.(?!md$)/;

/** The files of a repository, as paths from its root. */
export class Tree {
  readonly #files: ReadonlySet<string>;
  readonly #directories: ReadonlySet<string>;
  /** Every way to name a file or a directory by its last segments. */
  readonly #endings: ReadonlySet<string>;
  readonly #folderNames: ReadonlySet<string>;

  constructor(files: readonly string[]) {
    this.#files = new Set(files);
    this.#directories = new Set(files.flatMap(parents));
    this.#folderNames = new Set([...this.#directories].map((path) => posix.basename(path)));
    this.#endings = new Set([...this.#files, ...this.#directories].flatMap(endings));
  }

  /** Whether the text that is written like a path is one of ours: a file's name, or a path through a folder of ours. */
  isName(text: string, ticked: boolean): boolean {
    if (PLACEHOLDER.test(text)) return false;
    if (EXTENSION.test(text)) return /[\w*}]\.\w+$/.test(text);
    const [first, ...rest] = text.split("/");
    if (first === undefined || rest.length === 0) return false;
    return this.#directories.has(first) || (ticked && this.#folderNames.has(first)) || /^\.{1,2}$/.test(first);
  }

  /** @param from the file that names it: `./` and `../` are relative to it */
  has(name: string, from: string): boolean {
    const path = name.replace(/\/$/, "");
    if (/^\.{1,2}(\/|$)/.test(path)) return this.hasExactly(posix.join(posix.dirname(from), path));
    if (/[*{]/.test(path)) return this.#matches(path);
    const [first = ""] = path.split("/");
    // A path from the root is taken at its word; a shorter one may begin anywhere.
    return path.includes("/") && this.#directories.has(first) ? this.hasExactly(path) : this.#endings.has(path);
  }

  hasExactly(path: string): boolean {
    const clean = posix.normalize(path).replace(/\/$/, "");
    return clean === "." || this.#files.has(clean) || this.#directories.has(clean);
  }

  #matches(glob: string): boolean {
    return [...this.#files, ...this.#directories].some(
      (path) => posix.matchesGlob(path, glob) || posix.matchesGlob(path, `**/${glob}`),
    );
  }
}

function parents(path: string): string[] {
  const segments = path.split("/");
  return segments.slice(1).map((_, index) => segments.slice(0, index + 1).join("/"));
}

function endings(path: string): string[] {
  const segments = path.split("/");
  const tails = segments.map((_, index) => segments.slice(index).join("/"));
  // `reconcile/schedule` is said of `reconcile/schedule.ts`.
  return tails.flatMap((tail) => (tail.includes("/") ? [tail, tail.replace(/\.\w+$/, "")] : [tail]));
}

/** The names in a passage, each once. */
export function namesIn(passage: string, tree: Tree): string[] {
  const text = passage.replaceAll(URL, " ").replaceAll(LINK, "] ");
  const ticked = [...text.matchAll(TICKED)].flatMap(([, inside = ""]) => tokens(inside));
  const named = [
    ...tokens(text).filter((token) => tree.isName(token, false)),
    ...ticked.filter((token) => tree.isName(token, true)),
  ];
  return [...new Set(named)];
}

function tokens(text: string): string[] {
  return [...text.matchAll(TOKEN)].map(([token]) => token.replace(/[.,]+$/, ""));
}

/** Targets of links to files, with their anchors. */
export function linksIn(passage: string): { path: string; anchor: string | null }[] {
  return [...passage.matchAll(LINK)].flatMap(([, target = ""]) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [path = "", anchor = null] = target.split("#");
    return [{ path, anchor }];
  });
}

/** The anchors of a Markdown document, as GitHub makes them of its headings. */
export function anchorsOf(markdown: string): Set<string> {
  const headings = markdown.split("\n").filter((line) => /^#{1,6} /.test(line));
  return new Set(
    headings.map((line) =>
      line
        .replace(/^#+ /, "")
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}
