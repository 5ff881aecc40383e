/** Which awaits a run dies at: each of them in a full run, every fifteenth in a quick one. */
import { depth } from "../depth.ts";

const EVERY = depth({ full: 1, quick: 25 });

export interface Deaths {
  /** At so many of the awaits the process has died. */
  deaths: number;
  /** So many awaits there were, at least: a quick run does not look for the last ones. */
  awaits: number;
  /** Both, for the log. */
  said: string;
}

/**
 * Plays the same thing again and again, with one death at each await that this run takes.
 * @param play is told at which await to die, counted from 0, and answers whether there is one of this number
 * @param from where to begin: where many things are played, a quick run begins each at another await
 */
export async function dieAtEach(play: (victim: number) => Promise<boolean>, from = 0): Promise<Deaths> {
  let victim = from % EVERY;
  let deaths = 0;
  for (; await play(victim); victim += EVERY) deaths++;
  const awaits = Math.max(0, victim - EVERY + 1);
  return {
    deaths,
    awaits,
    said: `${deaths} deaths, at ${EVERY === 1 ? "each" : `every ${EVERY}th`} of ${awaits} awaits`,
  };
}
