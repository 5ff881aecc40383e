/** What this deploy puts on droplets: the agent's bundle with its digest, the bootstrap scripts and units. */
import bootstrapScript from "../../bootstrap/bootstrap.sh";
import guardScript from "../../bootstrap/guard.sh";
import identityScript from "../../bootstrap/identity.sh";
import launcherScript from "../../bootstrap/launcher.sh";
import agentUnit from "../../bootstrap/spawnpoint-agent.service";
import bootstrapUnit from "../../bootstrap/spawnpoint-bootstrap.service";
import launcherUnit from "../../bootstrap/spawnpoint-launcher@.service";
import launcherSocket from "../../bootstrap/spawnpoint-launcher.socket";
import workloadUnit from "../../bootstrap/spawnpoint-workload.service";
import toolchainScript from "../../bootstrap/toolchain.sh";
import agentBundle from "../../dist/agent.mjs.txt";
import agentSha256 from "../../dist/agent.sha256.txt";
import type { AgentRelease } from "../wire/agent.ts";
import { type BootstrapSettings, renderUserData } from "./user-data.ts";

export const agentRelease: AgentRelease = { url: `/bot/agent/${agentSha256}.mjs`, sha256: agentSha256 };

export { agentBundle };

interface ReleaseSettings {
  PUBLIC_URL: string;
  BOOTSTRAP: BootstrapSettings;
  OPENCLAW_VERSION: string;
  WORKLOAD_PORT: number;
  WORKLOAD_READY_WINDOW_S: number;
}

/** User-data of a new droplet. @throws UserDataError where a setting cannot be carried */
export function renderBootstrap(settings: ReleaseSettings, bot_id: string, registration_token: string): string {
  return renderUserData({
    bot_id,
    control_plane_url: settings.PUBLIC_URL,
    registration_token,
    agent: agentRelease,
    bootstrap: settings.BOOTSTRAP,
    workload: {
      version: settings.OPENCLAW_VERSION,
      port: settings.WORKLOAD_PORT,
      ready_window_s: settings.WORKLOAD_READY_WINDOW_S,
    },
    files: {
      bootstrap_script: bootstrapScript,
      guard_script: guardScript,
      identity_script: identityScript,
      launcher_script: launcherScript,
      toolchain_script: toolchainScript,
      bootstrap_unit: bootstrapUnit,
      agent_unit: agentUnit,
      workload_unit: workloadUnit,
      launcher_unit: launcherUnit,
      launcher_socket: launcherSocket,
    },
  });
}
