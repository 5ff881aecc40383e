/** The few lines of a control plane, as a program on the machine that it steers: see `droplet.ts`. */
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { isPopulated, WORKLOAD_GROUP } from "../../bootstrap/agent/workload/unit-site.ts";
import { TestControlPlane } from "../unit/agent/fixtures/control-plane.ts";

const [bot_id = "", started = ""] = process.argv.slice(2);
const plane = await new TestControlPlane(bot_id).start();

/** Whether anything was left of the workload each time that it was called stopped. */
const there_when_stopped: boolean[] = [];
plane.override = ({ path, body }) => {
  if (path.endsWith("/heartbeat") && body.workload.state === "stopped") {
    there_when_stopped.push(isPopulated(WORKLOAD_GROUP));
  }
  return null;
};

const steering = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? "", "http://plane");
  if (pathname === "/order") plane.order = searchParams.get("is") as typeof plane.order;
  if (pathname === "/publish") plane.publish(Number(searchParams.get("version")), searchParams.get("key") ?? "");
  const { beats, acks } = plane;
  response.end(JSON.stringify({ beat: beats.at(-1) ?? null, beats: beats.length, acks, there_when_stopped }));
});
steering.listen(0, "127.0.0.1", () => {
  const address = steering.address();
  const port = typeof address === "object" ? address?.port : 0;
  writeFileSync(started, JSON.stringify({ plane: plane.url, steering: `http://127.0.0.1:${port}` }));
});
