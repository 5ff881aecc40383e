/** The agent's side of the launcher (`launcher.sh`): one order a connection, answered once it is carried out. */
import { connect } from "node:net";

const ANSWER_MS = 120_000;
const ANSWER_MAX_CHARS = 200;

/** `stop` is answered when nothing of the unit is left. @throws where it was not carried out, with the launcher's words */
export function giveOrder(launcher: string, order: "start" | "stop"): Promise<void> {
  return new Promise((done, fail) => {
    let answer = "";
    const socket = connect(launcher);
    socket.setEncoding("utf8");
    socket.setTimeout(ANSWER_MS, () => socket.destroy(new Error(`the launcher has not answered to ${order}`)));
    socket.on("data", (chunk: string) => {
      answer = (answer + chunk).slice(0, ANSWER_MAX_CHARS);
    });
    socket.once("error", (cause) => fail(new Error(`the launcher cannot be asked to ${order}`, { cause })));
    socket.once("close", () => {
      if (answer.trim() === "ok") done();
      else fail(new Error(`the launcher does not ${order}: ${answer.trim() || "no answer"}`));
    });
    socket.end(`${order}\n`);
  });
}
