/** Every operation of the API, with a request that shows it: a new route fails the tests until it has an entry here. */
import { agentRelease } from "../../src/provider/release.ts";
import { heartbeat } from "./agent.ts";
import { botRequest } from "./cloud.ts";
import { PASSWORD } from "./people.ts";
import type { World } from "./world.ts";

export interface Entry {
  /** With whose credential it succeeds here. */
  who: "operator" | "owner" | "person" | "agent" | "anyone";
  path: (world: World) => string;
  body?: (world: World) => unknown;
  headers?: Record<string, string>;
  status: number;
}

/** By `operationId`: who may, and a request that succeeds. In an order in which all of them do. */
export const OPERATIONS: Record<string, Entry> = {
  health: { who: "anyone", path: () => "/health", status: 200 },
  downloadAgent: { who: "anyone", path: () => agentRelease.url, status: 200 },
  createAccount: {
    who: "operator",
    path: () => "/accounts",
    body: () => ({ external_id: crypto.randomUUID(), tier: "free" }),
    status: 201,
  },
  listAccounts: { who: "operator", path: () => "/accounts", status: 200 },
  getAccount: { who: "operator", path: ({ account }) => `/accounts/${account}`, status: 200 },
  changeAccount: {
    who: "operator",
    path: ({ account }) => `/accounts/${account}`,
    body: () => ({ tier: "pro" }),
    status: 200,
  },
  listAccountBots: { who: "operator", path: ({ account }) => `/accounts/${account}/bots`, status: 200 },
  createBot: { who: "operator", path: () => "/bots", body: ({ account }) => botRequest(account), status: 201 },
  listBots: { who: "operator", path: () => "/bots", status: 200 },
  getBot: { who: "operator", path: ({ bot }) => `/bots/${bot}`, status: 200 },
  changeBot: { who: "operator", path: ({ bot }) => `/bots/${bot}`, body: () => ({ name: "Early Bird" }), status: 200 },
  getBotConfig: { who: "operator", path: ({ bot }) => `/bots/${bot}/config`, status: 200 },
  listBotConfigs: { who: "operator", path: ({ bot }) => `/bots/${bot}/configs`, status: 200 },
  diffBotConfigs: { who: "operator", path: ({ bot }) => `/bots/${bot}/configs/1/diff/1`, status: 200 },
  changeBotConfig: {
    who: "operator",
    path: ({ bot }) => `/bots/${bot}/config`,
    body: () => ({ strictness: "low" }),
    status: 200,
  },
  rollBackBotConfig: {
    who: "operator",
    path: ({ bot }) => `/bots/${bot}/config/rollback`,
    body: () => ({ to_version: 1 }),
    status: 200,
  },
  requestCommand: {
    who: "operator",
    path: ({ bot }) => `/bots/${bot}/commands`,
    body: () => ({ kind: "collect_logs" }),
    status: 202,
  },
  listCommands: { who: "operator", path: ({ bot }) => `/bots/${bot}/commands`, status: 200 },
  getCommand: { who: "operator", path: ({ bot, made }) => `/bots/${bot}/commands/${made.command}`, status: 200 },
  requestCredentialRotation: {
    who: "operator",
    path: ({ bot }) => `/bots/${bot}/agent/credential/rotate`,
    status: 202,
  },
  acknowledgeSecurity: {
    who: "operator",
    path: ({ bot }) => `/bots/${bot}/security/acknowledge`,
    body: () => ({ reason: "seen" }),
    status: 200,
  },
  releaseBreachHold: {
    who: "operator",
    path: ({ bot }) => `/bots/${bot}/holds/breach/release`,
    body: () => ({ reason: "seen" }),
    status: 200,
  },
  listOperations: { who: "operator", path: ({ bot }) => `/bots/${bot}/operations`, status: 200 },
  listEvents: { who: "operator", path: ({ bot }) => `/bots/${bot}/events`, status: 200 },
  streamEvents: {
    who: "operator",
    path: ({ bot }) => `/bots/${bot}/events/stream`,
    headers: { upgrade: "websocket" },
    status: 101,
  },
  waitForBot: { who: "operator", path: ({ bot }) => `/bots/${bot}/wait?status=online`, status: 200 },
  registerAgent: {
    who: "agent",
    path: () => "/bot/register",
    body: ({ bot, agent: { credential_sha256, droplet_id, boot_id } }) => ({
      bot_id: bot,
      credential_sha256,
      droplet_id,
      boot_id,
    }),
    status: 200,
  },
  reportStage: {
    who: "agent",
    path: ({ bot }) => `/bot/${bot}/stage`,
    body: ({ agent: { droplet_id, boot_id } }) => ({ stage: "done", droplet_id, boot_id }),
    status: 200,
  },
  getAgentRelease: { who: "agent", path: ({ bot }) => `/bot/${bot}/agent`, status: 200 },
  getAgentConfig: { who: "agent", path: ({ bot }) => `/bot/${bot}/config`, status: 200 },
  acknowledgeConfig: {
    who: "agent",
    path: ({ bot }) => `/bot/${bot}/config_ack`,
    body: ({ made }) => ({ config_id: made.config }),
    status: 200,
  },
  rotateCredential: {
    who: "agent",
    path: ({ bot }) => `/bot/${bot}/credential`,
    body: ({ agent: { credential_sha256, droplet_id, boot_id } }) => ({ credential_sha256, droplet_id, boot_id }),
    status: 200,
  },
  openChannel: {
    who: "agent",
    path: ({ bot, agent: { droplet_id, boot_id } }) =>
      `/bot/${bot}/channel?droplet_id=${droplet_id}&boot_id=${boot_id}`,
    headers: { upgrade: "websocket" },
    status: 101,
  },
  heartbeat: {
    who: "agent",
    path: ({ bot }) => `/bot/${bot}/heartbeat`,
    body: ({ agent: { droplet_id, boot_id } }) => ({
      ...heartbeat,
      droplet_id,
      boot_id,
    }),
    status: 200,
  },
  actOnBot: {
    who: "operator",
    path: ({ bot }) => `/bots/${bot}/actions`,
    body: () => ({ action: "resume" }),
    status: 202,
  },
  listOrphans: { who: "operator", path: () => "/operator/orphans", status: 200 },
  sweep: { who: "operator", path: () => "/operator/sweep", body: () => ({ dry_run: true }), status: 202 },
  rotateKeys: { who: "operator", path: () => "/operator/keys/rotate", body: () => ({}), status: 202 },
  getKeyRotation: { who: "operator", path: () => "/operator/keys/rotate", status: 200 },
  rebuildIndex: { who: "operator", path: () => "/operator/index/rebuild", body: () => ({}), status: 200 },
  listRunningOperations: { who: "operator", path: () => "/operator/operations?stuck=true", status: 200 },
  getGate: { who: "operator", path: () => "/operator/gate", status: 200 },
  cancelOperation: {
    who: "operator",
    path: ({ bot, made }) => `/bots/${bot}/operations/${made.operation}/cancel`,
    status: 202,
  },
  suspendBot: {
    who: "operator",
    path: ({ bot }) => `/operator/bots/${bot}/suspend`,
    body: () => ({ reason: "payment_failed" }),
    status: 202,
  },
  unsuspendBot: { who: "operator", path: ({ bot }) => `/operator/bots/${bot}/unsuspend`, status: 202 },
  signUp: {
    who: "anyone",
    path: () => "/auth/sign-up",
    body: () => ({ email: `${crypto.randomUUID()}@people.test`, password: PASSWORD, name: "Eve" }),
    status: 202,
  },
  sendVerification: {
    who: "anyone",
    path: () => "/auth/verification",
    body: () => ({ email: "nobody@people.test" }),
    status: 202,
  },
  // Its happy path is in people.test.ts: the token is in the message.
  verifyEmail: { who: "anyone", path: () => "/auth/verify-email?token=none", status: 422 },
  signIn: {
    who: "anyone",
    path: () => "/auth/sign-in",
    body: ({ owner }) => ({ email: owner.email, password: PASSWORD }),
    status: 200,
  },
  requestPasswordReset: {
    who: "anyone",
    path: () => "/auth/password-reset",
    body: () => ({ email: "nobody@people.test" }),
    status: 202,
  },
  resetPassword: {
    who: "anyone",
    path: () => "/auth/password",
    body: () => ({ token: "none", password: PASSWORD }),
    status: 422,
  },
  getSession: { who: "person", path: () => "/auth/session", status: 200 },
  listSessions: { who: "person", path: () => "/auth/sessions", status: 200 },
  endSession: { who: "person", path: ({ made }) => `/auth/sessions/${made.session}`, status: 204 },
  endOtherSessions: { who: "person", path: () => "/auth/sessions", status: 204 },
  changePassword: {
    who: "person",
    path: () => "/auth/change-password",
    body: () => ({ current_password: "not it", password: PASSWORD }),
    status: 401,
  },
  acceptInvitation: { who: "person", path: () => `/invitations/${crypto.randomUUID()}/accept`, status: 404 },
  createKey: {
    who: "owner",
    path: () => "/keys",
    body: () => ({ name: "back office", scopes: ["bots:read"] }),
    status: 201,
  },
  listKeys: { who: "owner", path: () => "/keys", status: 200 },
  revokeKey: { who: "owner", path: ({ made }) => `/keys/${made.key}`, status: 204 },
  createOperatorKey: {
    who: "operator",
    path: () => "/operator/api-keys",
    body: () => ({ name: "pager", scopes: ["operator:read"] }),
    status: 201,
  },
  listOperatorKeys: { who: "operator", path: () => "/operator/api-keys", status: 200 },
  revokeOperatorKey: {
    who: "operator",
    path: ({ account, made }) => `/operator/api-keys/${made.key}?account_id=${account}`,
    status: 204,
  },
  listMembers: { who: "operator", path: ({ account }) => `/accounts/${account}/members`, status: 200 },
  changeMember: {
    who: "operator",
    path: ({ account, owner }) => `/accounts/${account}/members/${owner.user_id}`,
    body: () => ({ role: "owner" }),
    status: 204,
  },
  invite: {
    who: "operator",
    path: ({ account }) => `/accounts/${account}/invitations`,
    body: () => ({ email: `${crypto.randomUUID()}@people.test`, role: "viewer" }),
    status: 201,
  },
  listInvitations: { who: "operator", path: ({ account }) => `/accounts/${account}/invitations`, status: 200 },
  withdrawInvitation: {
    who: "operator",
    path: ({ account, made }) => `/accounts/${account}/invitations/${made.invitation}`,
    status: 204,
  },
  removeMember: {
    who: "operator",
    path: ({ account, owner }) => `/accounts/${account}/members/${owner.user_id}`,
    status: 409,
  },
  listAudit: { who: "owner", path: () => "/audit", status: 200 },
  listAllAudit: { who: "operator", path: () => "/operator/audit", status: 200 },
  signOut: { who: "person", path: () => "/auth/sign-out", status: 204 },
};
