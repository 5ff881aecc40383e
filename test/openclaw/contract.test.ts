import { gatewayContract } from "../fixtures/gateway-contract.ts";
import { COMMAND, VERSION } from "./package.ts";

gatewayContract(`OpenClaw ${VERSION}`, () => COMMAND, 20_000);
