import { describe, expect, it } from "vitest";
import { afterChannel, channelAddress, readFrame } from "../../../../bootstrap/agent/plane/channel-rules.ts";
import type { SocketEnd } from "../../../../bootstrap/agent/plane/socket.ts";
import type { BotFrame } from "../../../../src/wire/channel.ts";
import { CLOSE_CODES, MAX_FRAME_BYTES } from "../../../../src/wire/channel.ts";
import { configId } from "../fixtures/control-plane.ts";

const BOT = "0d5f6a3e-6c0b-4f0e-9d3a-7f1f0c1b2a3d";

describe("the channel's address", () => {
  const at = {
    channel_url: `wss://bots.example/bot/${BOT}/channel`,
    control_plane_url: "https://spawnpoint.example",
    bot_id: BOT,
    droplet_id: 42,
    boot_id: "a boot",
  };
  it.each([
    [
      "is the one that the control plane named",
      {},
      `wss://bots.example/bot/${BOT}/channel?droplet_id=42&boot_id=a+boot`,
    ],
    [
      "is beside the API where it named none",
      { channel_url: null },
      `wss://spawnpoint.example/bot/${BOT}/channel?droplet_id=42&boot_id=a+boot`,
    ],
    [
      "may be in the clear where the API is",
      { channel_url: "ws://127.0.0.1:1/c", control_plane_url: "http://127.0.0.1:1" },
      "ws://127.0.0.1:1/c?droplet_id=42&boot_id=a+boot",
    ],
    ["is never in the clear where the API is not", { channel_url: "ws://bots.example/c" }, undefined],
    ["is a WebSocket's", { channel_url: "https://bots.example/c" }, undefined],
    ["is an address", { channel_url: "bots.example/c" }, undefined],
  ])("%s", (_, changes, expected) => {
    expect(channelAddress({ ...at, ...changes })?.href).toBe(expected);
  });
});

describe("a frame", () => {
  const orders: BotFrame = {
    type: "orders",
    status: "ok",
    generation: 1,
    desired_config_id: configId(1),
    workload: "run",
    commands: [],
  };
  it("is orders, a pong, or nothing that is obeyed", () => {
    expect(readFrame("pong")).toEqual({ is: "pong" });
    expect(readFrame(JSON.stringify({ ...orders, newer: 1 }))).toEqual({ is: "orders", orders });
  });
  it.each([
    ["bytes", new ArrayBuffer(4), "not text"],
    ["no JSON", "{", "its top"],
    ["another type", JSON.stringify({ ...orders, type: "news" }), "type"],
    ["an order that is none", JSON.stringify({ ...orders, workload: "sprint" }), "workload"],
    ["too much", JSON.stringify({ ...orders, padding: "ü".repeat(MAX_FRAME_BYTES / 2) }), "too big"],
  ])("of %s is nonsense", (_, data, detail) => {
    expect(readFrame(data)).toMatchObject({ is: "nonsense", detail: expect.stringContaining(detail) });
  });
});

describe("after the channel", () => {
  const limits = { backoff: { first_ms: 1000, max_ms: 60_000 }, slow_retry_ms: 300_000 };
  const refused = (status: number, retry_after_ms: number | null = null): SocketEnd => {
    return { is: "refused", status, retry_after_ms };
  };
  const closed = (code: number): SocketEnd => ({ is: "closed", code, reason: "" });

  it.each<[string, SocketEnd, number]>([
    ["a lost connection backs off", closed(1006), 4000],
    ["a frame that did not parse backs off", closed(CLOSE_CODES.invalid_frame), 4000],
    ["a frame that was too big backs off", closed(CLOSE_CODES.frame_too_big), 4000],
    ["too many frames back off", closed(CLOSE_CODES.too_many_frames), 4000],
    ["a newer connection of ours is left alone for long", closed(CLOSE_CODES.replaced), 225_000],
    ["a refusal is asked again slowly", refused(404), 225_000],
    ["so is a proxy's page", refused(200), 225_000],
    ["so are too many requests", refused(429), 225_000],
    ["Retry-After is honoured", refused(429, 20_000), 20_000],
    ["an absurd Retry-After is bounded", refused(429, 1e9), 300_000],
    ["a broken server backs off", refused(500), 4000],
    ["and says when to come back", refused(503, 20_000), 20_000],
  ])("%s", (_, end, after_ms) => {
    expect(afterChannel(end, 0, 3, limits, 0.5)).toEqual({ after_ms, failures: 4, counts_as: null });
  });

  it.each([
    [CLOSE_CODES.credential_revoked, { is: "refused", status: 401, code: "credential_revoked" }],
    [CLOSE_CODES.wrong_droplet, { is: "refused", status: 403, code: "wrong_droplet" }],
  ])("code %i counts as the same answer over HTTP", (code, counts_as) => {
    expect(afterChannel(closed(code), 0, 0, limits, 0.5)).toMatchObject({ counts_as });
  });

  it("backs off from 1 s to 60 s with full jitter, and forgets failures once a channel held for a minute", () => {
    const wait = (failures: number, lived_ms: number, random: number) =>
      afterChannel(closed(1006), lived_ms, failures, limits, random).after_ms;
    expect([0, 1, 5, 6, 1000].map((failures) => wait(failures, 0, 0.999999))).toEqual([
      1000, 2000, 32_000, 60_000, 60_000,
    ]);
    expect(wait(9, 0, 0)).toBe(0);
    expect(wait(9, 59_999, 0.999999)).toBe(60_000);
    expect(afterChannel(closed(1006), 60_000, 9, limits, 0.999999)).toMatchObject({ after_ms: 1000, failures: 1 });
  });
});
