/** DigitalOcean as the system sees it: our team's cloud, another team's, and the token that says which of them answers. */
import type { Knobs } from "../../simulator/model/knobs.ts";
import type { SimulatorState } from "../../simulator/model/records.ts";
import { Simulator } from "../../simulator/model/simulator.ts";
import { DigitalOcean } from "../../src/provider/digitalocean.ts";

export type Token = "ours" | "another_teams" | "revoked";

export class Cloud {
  readonly ours: Simulator;
  readonly anotherTeams: Simulator;
  readonly provider: DigitalOcean;
  /** Which token the settings hold. */
  token: Token = "ours";

  /** @param held what ours holds from the beginning */
  constructor(now: () => number, random: () => number, knobs: Partial<Knobs>, held: Partial<SimulatorState> = {}) {
    const options = { now, random, droplet_limit: 10_000 };
    this.ours = Simulator.restore({ ...new Simulator(options).snapshot(), ...held }, { ...options, knobs });
    this.anotherTeams = new Simulator({ ...options, team_uuid: "another-team" });
    this.provider = new DigitalOcean({
      base_url: "http://do",
      token: this.ours.token,
      timeout_ms: 30_000,
      fetch: (input, init) => this.#fetch(input, init),
      now,
    });
  }

  /** What tells the tokens apart; a revoked one is still the same. */
  fingerprint(): string {
    return this.token === "another_teams" ? "another team's" : "ours";
  }

  async #fetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    switch (this.token) {
      case "ours":
        return this.ours.fetch(input, init);
      case "another_teams":
        return this.anotherTeams.fetch(input, init);
      case "revoked":
        return Response.json({ id: "Unauthorized", message: "Unable to authenticate you" }, { status: 401 });
    }
  }
}
