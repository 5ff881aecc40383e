import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "vitest";
import { startMessages } from "../../scripts/dev/messages.ts";

let directory: string;
let messages: Awaited<ReturnType<typeof startMessages>>;
let shown: string[];
const post = (body: string) => fetch(messages.url, { method: "POST", body });
const letter = { to: "eve@people.test", subject: "Hello", text: "one\ntwo" };

beforeEach(async () => {
  shown = [];
  directory = await mkdtemp(join(tmpdir(), "spawnpoint-messages-"));
  messages = await startMessages(join(directory, "messages.log"), (line) => shown.push(line));
});
afterEach(async () => {
  await messages.close();
  await rm(directory, { recursive: true });
});

describe("messages to people, on a developer's machine", () => {
  it("are shown and kept", async ({ expect }) => {
    expect((await post(JSON.stringify(letter))).status).toBe(202);
    expect(shown).toEqual(["  ✉ To eve@people.test: Hello", "  ✉ one", "  ✉ two"]);
    expect(await readFile(join(directory, "messages.log"), "utf8")).toBe("To eve@people.test: Hello\none\ntwo\n\n");
  });

  it("are refused where they are none", async ({ expect }) => {
    for (const body of ["", "{", "[]", JSON.stringify({ to: "eve@people.test" })]) {
      expect((await post(body)).status, body).toBe(400);
    }
    expect(shown).toEqual([]);
  });

  it("are lost where their sender dies half-way, and nothing else is", async ({ expect }) => {
    const socket = connect(Number(new URL(messages.url).port), "127.0.0.1");
    await once(socket, "connect");
    socket.write("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{");
    socket.end();
    await once(socket.resume(), "close");
    expect((await post(JSON.stringify(letter))).status).toBe(202);
    expect(shown.length).toBe(3);
  });
});
