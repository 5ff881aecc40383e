/** What each kind of event says to a person. One table; a new kind does not compile until it has its sentence. Pure. */
import type { EventBody, EventData, EventKind } from "../model/events.ts";
import type { PowerAction } from "../model/state.ts";
import { OPERATIONS } from "../reconcile/operations.ts";
import { ending, holdInWords, inWords, limitInWords } from "./reasons.ts";

type Sentences = { [K in EventKind]: (data: EventData[K]) => string };

/** Kinds that this release does not know are kept, and so are shown. */
export function sentenceOf({ kind, data }: EventBody): string {
  const say = SENTENCES[kind] as ((data: unknown) => string) | undefined;
  if (!say) return `Unknown event: ${inWords(kind)}.`;
  try {
    return say(data);
  } catch {
    return `Unreadable event: ${inWords(kind)}.`;
  }
}

const POWER: Readonly<Record<PowerAction, string>> = {
  shutdown: "was told to shut down",
  power_off: "is being powered off",
  power_on: "is being powered on",
  power_cycle: "is being power-cycled",
};

const COMMANDED: Readonly<Record<string, string>> = {
  start: "Workload start requested.",
  stop: "Workload stop requested. It stays stopped until it is started again.",
  restart: "Workload restart requested.",
  collect_logs: "Log collection requested.",
  rotate_credential: "Agent credential rotation requested.",
};

const LOOKED = { name: "by name", tag: "by tag", list: "in the full list" } as const;
const MISSED = { id: "by id", name: "by name", tag: "by tag" } as const;
const ADOPTED = {
  post: "was created",
  look: "was found; it is the requested one",
  registration: "was found through its agent; it is the requested one",
} as const;

const WOUND_DOWN = {
  stopped: "The workload has stopped.",
  deadline: "The workload was not reported as stopped in time; not waiting any longer.",
  forced: "Not waiting for the workload to stop, as requested.",
} as const;

const SENTENCES: Sentences = {
  accepted: ({ name }) => `Bot "${name}" accepted. Its droplet will be created.`,
  changed: (data) => `Changed: ${changes(data).join("; ")}.`,

  operation_requested: ({ kind, why }) =>
    why === "unsuspended" ? `Suspension lifted: ${kind} started.` : OPERATIONS[kind].asked,
  operation_succeeded: () => "Operation succeeded.",
  operation_failed: ({ detail }) => `Operation failed: ${ending(detail)}`,
  operation_cancelled: ({ why }) => `Operation cancelled: ${ending(inWords(why))}`,
  attempt_failed: ({ detail }) => `Attempt failed, its droplet will be deleted: ${ending(detail)}`,
  waiting: ({ reason }) => (reason === null ? "No longer waiting." : `Waiting: ${ending(inWords(reason))}`),
  replacement_begun: ({ why }) => `Replacing the droplet: ${ending(why)}`,
  generation_started: ({ generation }) => `Generation ${generation} started, with a new droplet.`,
  suspended: ({ reason }) => `Suspended: ${ending(inWords(reason))}`,
  unsuspended: () => "Suspension lifted.",
  command_requested: ({ kind }) => COMMANDED[kind] ?? `Command requested: ${inWords(kind)}.`,
  command_ended: ({ kind, ok, detail }) =>
    ok
      ? `Command succeeded: ${inWords(kind)}.`
      : `Command failed (${inWords(kind)}): ${ending(detail ?? "the agent gave no reason")}`,
  snapshot: () => "State snapshot taken.",

  intent_opened: ({ droplet_name }) => `Requesting a droplet named ${droplet_name}.`,
  intent_unanswered: ({ detail }) => `Unknown whether the droplet was created: ${ending(detail)}`,
  intent_looked: ({ how, found }) => `Searched for the droplet ${word(LOOKED, how)}: ${count(found.length)} found.`,
  intent_adopted: ({ droplet, via }) => `Droplet ${droplet.id} ${word(ADOPTED, via)}.`,
  intent_refused: ({ detail }) => `DigitalOcean refused to create the droplet: ${ending(inWords(detail))}`,
  intent_absent: () => "The requested droplet was not created.",

  droplet_found: ({ droplet }) => `Found droplet ${droplet.id}, which should not exist. It will be deleted.`,
  droplet_observed: ({ droplet: { id, status, ip_address } }) =>
    `Droplet ${id} is ${status}${ip_address === null ? "" : ` at ${ip_address}`}.`,
  droplet_delete_sent: ({ droplet_id }) => `Droplet ${droplet_id} is being deleted.`,
  droplet_delete_ended: ({ droplet_id, accepted, outcome }) =>
    accepted
      ? `Deletion of droplet ${droplet_id} accepted.`
      : `Deletion of droplet ${droplet_id} not accepted: ${ending(inWords(outcome))}`,
  droplet_missing: ({ droplet_id, how }) => `Droplet ${droplet_id} not found ${word(MISSED, how)}.`,
  droplet_gone: ({ droplet_id }) => `Droplet ${droplet_id} is confirmed gone.`,
  power_sent: ({ droplet_id, action }) => `Droplet ${droplet_id} ${word(POWER, action)}.`,
  power_refused: ({ droplet_id, action, detail }) =>
    `Power action on droplet ${droplet_id} refused (${inWords(action)}): ${ending(inWords(detail))}`,

  registration_claimed: ({ droplet_id }) =>
    `An agent on droplet ${droplet_id} asked to register; the droplet is being verified.`,
  claim_dropped: ({ droplet_id, why }) =>
    `Droplet ${droplet_id}, whose agent asked to register, ${why === "missing" ? "does not exist" : "does not belong to this bot"}.`,
  agent_registered: ({ droplet_id }) => `The agent on droplet ${droplet_id} registered.`,
  agent_booted: ({ expected }) =>
    expected
      ? "The agent's droplet booted."
      : "The agent's droplet rebooted unexpectedly. The workload waits for a manual start.",
  agent_heard: () => "The agent is responding.",
  agent_silent: () => "The agent stopped responding.",
  agent_refused: ({ code, droplet_id }) => `An agent on droplet ${droplet_id} was refused: ${inWords(code)}.`,
  credential_revoked: () => "Agent credential revoked.",
  credential_rotated: () => "Agent credential rotated. The old credential is revoked.",
  wind_down_ended: ({ how }) => word(WOUND_DOWN, how),
  workload_ready: () => "OpenClaw is ready.",
  workload_not_ready: ({ detail }) => `Gave up waiting for OpenClaw: ${ending(detail)}`,
  workload_crashed: ({ count, first_at, last_at, reason }) => {
    const why = reason === null ? "" : `: ${reason}`;
    if (count === 1) return ending(`OpenClaw crashed and is being restarted${why}`);
    const span = `${count} times between ${clock(first_at)} and ${clock(last_at)} UTC`;
    return ending(`OpenClaw crashed ${span} and is being restarted${reason === null ? "" : `; the last time${why}`}`);
  },
  runs_aborted: ({ count }) =>
    count === 1
      ? "A run that was interrupted when OpenClaw ended was aborted; it is not resumed."
      : `${count} runs that were interrupted when OpenClaw ended were aborted; they are not resumed.`,
  stage_reported: ({ stage, detail }) =>
    `Bootstrap stage: ${inWords(stage)}.${detail === null ? "" : ` ${ending(detail)}`}`,
  flag_raised: ({ detail }) => `Needs attention: ${ending(detail)}`,

  security_acknowledged: ({ flags, reason }) =>
    `Security flags acknowledged (${flags.map(inWords).join(", ")}): ${ending(reason)}`,

  config_published: ({ config, restored_from }) =>
    `Config ${config.version} published${restored_from === null ? "" : ` with the content of config ${restored_from}`}.`,
  config_applied: ({ config }) => `Config ${config.version} applied.`,
  config_effective: ({ config }) => `The agent runs config ${config.version}, which is not the desired one.`,
  config_delivered: ({ config }) => `Config ${config.version} delivered to the agent.`,
  config_failed: ({ config, reason }) => `Config ${config.version} failed: ${ending(inWords(reason))}`,
  rolled_back: ({ failed_version, version, restored_from }) =>
    `Config ${failed_version} rolled back: config ${version} restores config ${restored_from}.`,
  config_given_up: ({ config, reason }) =>
    `Config ${config.version} failed, and there is no earlier config to roll back to: ${ending(inWords(reason))}`,

  limit_breached: ({ limit, value, max, version }) =>
    `Limit of config ${version} passed: ${limitInWords(limit)} is ${value}, the limit ${max}.`,
  limit_kept_again: ({ limit, value, max }) =>
    `Limit kept again: ${limitInWords(limit)} is ${value ?? "not reported"}, the limit ${max}.`,
  hold_placed: ({ owner, reason }) =>
    `Workload stopped by a hold (${inWords(owner)}): ${ending(holdInWords(reason))} It stays stopped until the hold is lifted.`,
  hold_released: ({ owner, reason }) => `Hold lifted (${inWords(owner)}): ${ending(reason)}`,

  destroyed: ({ forced }) =>
    forced
      ? "Destroyed by force. Remaining resources are not confirmed gone."
      : "Destroyed. All resources are confirmed gone.",
  secrets_erased: () => "Secrets erased from all config versions.",
};

/** @throws where a newer release has recorded what this one has no word for */
function word<K extends string>(words: Readonly<Record<K, string>>, key: K): string {
  const found: string | undefined = words[key];
  if (found === undefined) throw new Error(`no word for ${key}`);
  return found;
}

function changes({ name, persona, policies }: EventData["changed"]): string[] {
  return [
    ...(name === undefined ? [] : [`name is ${name}`]),
    ...(persona === undefined ? [] : [`persona is ${inWords(persona)}`]),
    ...(policies?.healing === undefined ? [] : [`healing is ${policies.healing}`]),
    ...(policies?.start === undefined ? [] : [`start is ${policies.start ?? "as paper mode requires"}`]),
  ];
}

/** E.g. 14:05:09. */
function clock(at: number): string {
  return new Date(at).toISOString().slice(11, 19);
}

function count(found: number): string {
  return found === 0 ? "none" : String(found);
}
