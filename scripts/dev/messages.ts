/** Takes what the Worker would have a mail service deliver: it is shown here and kept in a file, and goes nowhere. */
import { appendFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { z } from "zod";

const Message = z.object({ to: z.string(), subject: z.string(), text: z.string() });

/** @returns where messages are to be posted, on this machine only */
export async function startMessages(file: string, show: (line: string) => void) {
  const take = async (request: IncomingMessage): Promise<number> => {
    const parsed = Message.safeParse(parse(await text(request)));
    if (!parsed.success) return 400;
    const { to, subject, text: body } = parsed.data;
    const lines = [`To ${to}: ${subject}`, ...body.split("\n")];
    await appendFile(file, `${lines.join("\n")}\n\n`, { mode: 0o600 });
    for (const line of lines) show(`  ✉ ${line}`);
    return 202;
  };
  const server = createServer((request, response) => {
    take(request).then(
      (status) => response.writeHead(status).end(),
      // Whoever posts may die of it half-way: that message is lost, and nothing else.
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
