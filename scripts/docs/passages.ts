/** What a file says to people: all of a Markdown document, and the comments of anything else. */

export interface Passage {
  /** From 1. */
  line: number;
  text: string;
}

const HASH = /(?:^|\s)#(.*)$/;
const DASHES = /--(.*)$/;

/** A file of a kind that is not known here says nothing. */
export function passagesOf(path: string, text: string): Passage[] {
  if (path.endsWith(".md")) return text.split("\n").map((line, index) => ({ line: index + 1, text: line }));
  if (/\.[cm]?[jt]s$/.test(path)) return scriptComments(text);
  if (/\.(sh|toml|ya?ml|service)$|(^|\/)\.?(gitignore|npmrc|run)$/.test(path)) return lineComments(text, HASH);
  if (path.endsWith(".sql")) return lineComments(text, DASHES);
  return [];
}

function lineComments(text: string, comment: RegExp): Passage[] {
  return text.split("\n").flatMap((line, index) => {
    const found = comment.exec(line)?.[1];
    return found === undefined ? [] : [{ line: index + 1, text: found }];
  });
}

/** After one of these a slash begins a regular expression; after a value it divides. */
const BEFORE_REGEX = /(?:^|[=(,:[!&|?{};+*%~^<>-]|\b(?:return|typeof|case|in|of|do|else|void|yield|await))\s*$/;
const REGEX = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/y;
const QUOTED = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/y;
const COMMENT = /\/\/.*|\/\*[\s\S]*?\*\//y;

/** The comments of JavaScript or TypeScript; what stands in strings, templates and regular expressions is none. */
function scriptComments(text: string): Passage[] {
  const passages: Passage[] = [];
  /** What encloses the place: a template's text, or braces of code; within `${…}` braces are counted. */
  const enclosing: ("template" | "code")[] = [];
  const at = (pattern: RegExp, index: number) => {
    pattern.lastIndex = index;
    return pattern.exec(text)?.[0] ?? null;
  };
  let index = 0;
  /** Where the code begins that may stand before a slash: at the line's start, or behind a template's text. */
  let begin = 0;
  while (index < text.length) {
    const char = text[index];
    if (enclosing.at(-1) === "template") {
      if (char === "`") enclosing.pop();
      if (text.startsWith("${", index)) enclosing.push("code");
      index += char === "\\" || text.startsWith("${", index) ? 2 : 1;
      begin = index;
      continue;
    }
    const comment = at(COMMENT, index);
    if (comment !== null) {
      const line = text.slice(0, index).split("\n").length;
      passages.push(...comment.split("\n").map((part, offset) => ({ line: line + offset, text: part })));
      index += comment.length;
      continue;
    }
    const skipped =
      at(QUOTED, index) ?? (char === "/" && BEFORE_REGEX.test(text.slice(begin, index)) ? at(REGEX, index) : null);
    if (char === "`") enclosing.push("template");
    if (char === "{") enclosing.push("code");
    if (char === "}") enclosing.pop();
    index += skipped?.length ?? 1;
    if (char === "\n") begin = index;
  }
  return passages;
}
