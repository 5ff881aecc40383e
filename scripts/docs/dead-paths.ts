/** Paths and files that documents and comments name and that are not there. */
import { posix } from "node:path";
import { anchorsOf, linksIn, namesIn, Tree } from "./names.ts";
import { passagesOf } from "./passages.ts";

export interface DeadPath {
  file: string;
  line: number;
  name: string;
}

/** What a name may stand for beside a file of the tree. */
export interface Elsewhere {
  /** Made by a build, or kept by a local system: git ignores it. */
  isIgnored(path: string): boolean;
  /** Files of a droplet, of a local system's state, or of another project, by their bare name. */
  names: ReadonlySet<string>;
}

/** @param files path from the root → content; null: its content is of no interest */
export function findDeadPaths(files: ReadonlyMap<string, string | null>, elsewhere: Elsewhere): DeadPath[] {
  const tree = new Tree([...files.keys()]);
  const dead: DeadPath[] = [];
  for (const [file, text] of files) {
    if (text === null) continue;
    for (const passage of passagesOf(file, text)) {
      const names = namesIn(passage.text, tree).filter((name) => {
        const known = elsewhere.names.has(posix.basename(name)) || elsewhere.isIgnored(name);
        return !known && !tree.has(name, file);
      });
      const links = file.endsWith(".md") ? deadLinks(passage.text, file, files, tree) : [];
      for (const name of [...names, ...links]) dead.push({ file, line: passage.line, name });
    }
  }
  return dead;
}

function deadLinks(passage: string, file: string, files: ReadonlyMap<string, string | null>, tree: Tree): string[] {
  return linksIn(passage).flatMap(({ path, anchor }) => {
    const target = path === "" ? file : posix.join(posix.dirname(file), path);
    if (!tree.hasExactly(target)) return [path];
    const document = target.endsWith(".md") ? files.get(target) : null;
    const found = anchor === null || typeof document !== "string" || anchorsOf(document).has(anchor);
    return found ? [] : [`${path}#${anchor}`];
  });
}
