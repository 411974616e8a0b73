import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AccountClient } from "@aws-sdk/client-account";
import { IAMClient } from "@aws-sdk/client-iam";
import { OrganizationsClient } from "@aws-sdk/client-organizations";
import { STSClient } from "@aws-sdk/client-sts";
import { PARTITIONS } from "../../../src/accounts/account.js";
import { ASKED_SERVICES, endpointOf } from "../../../src/aws/partition-endpoints.js";

// real: the rules that the SDK itself finds an endpoint by.
const CLIENTS = { sts: STSClient, iam: IAMClient, organizations: OrganizationsClient, account: AccountClient } as const;

describe("endpoints of AWS", () => {
  for (const partition of PARTITIONS) {
    for (const service of ASKED_SERVICES) {
      it(`are those of the SDK's own rules: ${service} in ${partition}`, () => {
        const { endpoint, region } = endpointOf(partition, service);
        const { endpointProvider } = new CLIENTS[service]({ region }).config;
        const ruled = endpointProvider({ Region: region, UseDualStack: false, UseFIPS: false, UseGlobalEndpoint: false });
        assert.equal(`${endpoint}/`, ruled.url.href);
        const [scheme] = (ruled.properties?.authSchemes ?? []) as { signingRegion?: string }[];
        assert.equal(scheme?.signingRegion ?? region, region);
      });
    }
  }
});
