/** What each kind of event says to a person. One table; a new kind does not compile until it has its sentence. Pure. */
import type { EventBody, EventData, EventKind } from "../model/events.ts";
import type { PowerAction } from "../model/state.ts";
import { OPERATIONS } from "../reconcile/operations.ts";
import { ending, inWords } from "./reasons.ts";

type Sentences = { [K in EventKind]: (data: EventData[K]) => string };

/** Kinds that this release does not know are kept, and so are shown. */
export function sentenceOf({ kind, data }: EventBody): string {
  const say = SENTENCES[kind] as ((data: unknown) => string) | undefined;
  if (!say) return `Something that this release has no words for: ${inWords(kind)}.`;
  try {
    return say(data);
  } catch {
    return `Something of which nothing more can be read: ${inWords(kind)}.`;
  }
}

const POWER: Readonly<Record<PowerAction, string>> = {
  shutdown: "was asked to shut down",
  power_off: "is being switched off",
  power_on: "is being switched on",
  power_cycle: "is being switched off and on",
};

const COMMANDED: Readonly<Record<string, string>> = {
  start: "Its workload is to be started.",
  stop: "Its workload is to be stopped, and stays so until it is started.",
  restart: "Its workload is to be restarted.",
  collect_logs: "The last lines of its log are asked for.",
  rotate_credential: "Its agent is to take a new credential.",
};

const LOOKED = { name: "by its name", tag: "by the bot's tag", list: "in the whole list" } as const;
const MISSED = { id: "by its number", name: "by its name", tag: "by the bot's tag" } as const;
const ADOPTED = {
  post: "was made",
  look: "was found to be the one that was asked for",
  registration: "was found through its agent to be the one that was asked for",
} as const;

const SENTENCES: Sentences = {
  accepted: ({ name }) => `${name} was accepted; its droplet is to be made.`,
  changed: (data) => `Changed: ${changes(data).join("; ")}.`,

  operation_requested: ({ kind, why }) =>
    why === "unsuspended" ? `As its suspension is over, a ${kind} follows.` : OPERATIONS[kind].asked,
  operation_succeeded: () => "What was under way has been done.",
  operation_failed: ({ detail }) => `What was under way was given up: ${ending(detail)}`,
  operation_cancelled: ({ why }) => `What was under way was cancelled: ${ending(why)}`,
  attempt_failed: ({ detail }) => `This try failed and its droplet is given up: ${ending(detail)}`,
  waiting: ({ reason }) =>
    reason === null ? "What held the work up is over." : `The work is held up: ${ending(inWords(reason))}`,
  replacement_begun: ({ why }) => `Its droplet is given up and another takes its place: ${ending(why)}`,
  generation_started: ({ generation }) => `Generation ${generation} begins: it gets a new droplet.`,
  suspended: ({ reason }) => `It was suspended: ${ending(inWords(reason))}`,
  unsuspended: () => "Its suspension was taken away.",
  command_requested: ({ kind }) => COMMANDED[kind] ?? `Its agent is to ${kind}.`,
  command_ended: ({ kind, ok, detail }) =>
    ok
      ? `Its agent has done what it was told (${inWords(kind)}).`
      : `Its agent did not ${inWords(kind)}: ${ending(detail ?? "it gave no reason")}`,
  snapshot: () => "What it is was written down as a whole, so that its oldest history can be forgotten.",

  intent_opened: ({ droplet_name }) => `A droplet named ${droplet_name} is being asked for.`,
  intent_unanswered: ({ detail }) => `Whether the droplet was made is not known: ${ending(detail)}`,
  intent_looked: ({ how, found }) => `Its droplet was looked for ${word(LOOKED, how)}: ${count(found.length)} found.`,
  intent_adopted: ({ droplet, via }) => `Droplet ${droplet.id} ${word(ADOPTED, via)}.`,
  intent_refused: ({ detail }) => `DigitalOcean refused the droplet: ${ending(inWords(detail))}`,
  intent_absent: () => "The droplet that was asked for was not made.",

  droplet_found: ({ droplet }) => `Droplet ${droplet.id} was found, which should not exist; it goes.`,
  droplet_observed: ({ droplet: { id, status, ip_address } }) =>
    `Droplet ${id} is ${status}${ip_address === null ? "" : ` at ${ip_address}`}.`,
  droplet_delete_sent: ({ droplet_id }) => `Droplet ${droplet_id} is being deleted.`,
  droplet_delete_ended: ({ droplet_id, accepted, outcome }) =>
    accepted
      ? `The deletion of droplet ${droplet_id} was taken on.`
      : `The deletion of droplet ${droplet_id} was refused: ${ending(inWords(outcome))}`,
  droplet_missing: ({ droplet_id, how }) =>
    `Droplet ${droplet_id} was looked for ${word(MISSED, how)} and is not there.`,
  droplet_gone: ({ droplet_id }) => `Droplet ${droplet_id} is confirmed gone.`,
  power_sent: ({ droplet_id, action }) => `Droplet ${droplet_id} ${word(POWER, action)}.`,
  power_refused: ({ droplet_id, action, detail }) =>
    `A ${inWords(action)} of droplet ${droplet_id} was refused: ${ending(inWords(detail))}`,

  registration_claimed: ({ droplet_id }) => `An agent came from droplet ${droplet_id}, which is being confirmed.`,
  claim_dropped: ({ droplet_id, why }) =>
    `Droplet ${droplet_id}, from which an agent came, is ${why === "missing" ? "not there" : "not this bot's"}.`,
  agent_registered: ({ droplet_id }) => `The agent on droplet ${droplet_id} registered.`,
  agent_booted: ({ expected }) =>
    expected
      ? "The agent's machine has booted."
      : "The agent's machine has booted unexpectedly: its workload waits for a person.",
  agent_heard: () => "The agent was heard again.",
  agent_silent: () => "The agent has fallen silent.",
  agent_refused: ({ code, droplet_id }) => `An agent on droplet ${droplet_id} was refused: ${inWords(code)}.`,
  credential_revoked: () => "The agent's credential was revoked.",
  credential_rotated: () => "The agent has a new credential, and the one before was revoked.",
  stage_reported: ({ stage, detail }) =>
    `Setting up has come to: ${inWords(stage)}${detail === null ? "." : `, ${ending(detail)}`}`,
  flag_raised: ({ detail }) => `A person should look: ${ending(detail)}`,

  security_acknowledged: ({ flags, reason }) =>
    `A person has looked at what was flagged (${flags.map(inWords).join(", ")}): ${ending(reason)}`,

  config_published: ({ config, restored_from }) =>
    `Config ${config.version} was published${restored_from === null ? "" : ` with the content of config ${restored_from}`}.`,
  config_applied: ({ config }) => `Config ${config.version} was applied.`,
  config_effective: ({ config }) => `The agent runs config ${config.version}, which is not the desired one.`,
  config_delivered: ({ config }) => `Config ${config.version} was handed to the agent.`,
  config_failed: ({ config, reason }) => `Config ${config.version} failed: ${ending(inWords(reason))}`,
  rolled_back: ({ failed_version, version, restored_from }) =>
    `Config ${failed_version} was taken back: config ${version} has the content of config ${restored_from} again.`,
  config_given_up: ({ config, reason }) =>
    `Config ${config.version} was given up, and there is none to go back to: ${ending(inWords(reason))}`,

  destroyed: ({ forced }) =>
    forced
      ? "It was destroyed by force: what may be left is not confirmed gone."
      : "It was destroyed; nothing is left.",
  secrets_erased: () => "Its secrets were erased from every config version.",
};

/** @throws where a newer release has recorded what this one has no word for */
function word<K extends string>(words: Readonly<Record<K, string>>, key: K): string {
  const found: string | undefined = words[key];
  if (found === undefined) throw new Error(`no word for ${key}`);
  return found;
}

function changes({ name, persona, policies }: EventData["changed"]): string[] {
  return [
    ...(name === undefined ? [] : [`its name is ${name}`]),
    ...(persona === undefined ? [] : [`its persona is ${inWords(persona)}`]),
    ...(policies?.healing === undefined ? [] : [`its healing is ${policies.healing}`]),
    ...(policies?.start === undefined ? [] : [`its start is ${policies.start ?? "as its paper mode says"}`]),
  ];
}

function count(found: number): string {
  return found === 0 ? "none" : String(found);
}
