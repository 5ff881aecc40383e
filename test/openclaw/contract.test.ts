import { COMMAND, VERSION } from "../../scripts/dev/openclaw.ts";
import { gatewayContract } from "../fixtures/gateway-contract.ts";

gatewayContract(`OpenClaw ${VERSION}`, () => COMMAND, 20_000);
