import { admissions } from "./admission.ts";
import { agents } from "./agents.ts";
import { calls } from "./calls.ts";
import { channel } from "./channel.ts";
import { daemon } from "./daemon.ts";
import { disk } from "./disk.ts";
import { droplet } from "./droplet.ts";
import { environment } from "./environment.ts";
import { evidence } from "./evidence.ts";
import { exchange } from "./exchange.ts";
import { fullRun } from "./full-run.ts";
import { history } from "./history.ts";
import { holds } from "./holds.ts";
import { hostile } from "./hostile.ts";
import { launcher } from "./launcher.ts";
import { lifecycle } from "./lifecycle.ts";
import { migrations } from "./migrations.ts";
import type { Mutant } from "./mutant.ts";
import { newerRelease } from "./newer-release.ts";
import { provider } from "./provider.ts";
import { records } from "./records.ts";
import { resources } from "./resources.ts";
import { rollout } from "./rollout.ts";
import { secrets } from "./secrets.ts";
import { starts } from "./starts.ts";
import { suspension } from "./suspension.ts";
import { tenancy } from "./tenancy.ts";
import { windDown } from "./wind-down.ts";
import { workload } from "./workload.ts";

/** Every guard that is broken on purpose. */
export const mutants: readonly Mutant[] = [
  ...calls,
  ...evidence,
  ...lifecycle,
  ...agents,
  ...records,
  ...provider,
  ...resources,
  ...suspension,
  ...channel,
  ...history,
  ...rollout,
  ...disk,
  ...droplet,
  ...tenancy,
  ...environment,
  ...exchange,
  ...hostile,
  ...secrets,
  ...newerRelease,
  ...migrations,
  ...fullRun,
  ...starts,
  ...workload,
  ...launcher,
  ...admissions,
  ...holds,
  ...windDown,
  ...daemon,
];
