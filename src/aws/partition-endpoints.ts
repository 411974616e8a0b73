import type { Partition } from "../accounts/account.js";

/** The services that the vault asks about a customer's account. */
export const ASKED_SERVICES = ["sts", "iam", "organizations", "account"] as const;
export type AskedService = (typeof ASKED_SERVICES)[number];

/** Where a service is reached, and the Region that requests to it are signed for. */
export interface ServiceEndpoint {
  readonly endpoint: string;
  readonly region: string;
}

const at = (host: string, region: string): ServiceEndpoint => Object.freeze({ endpoint: `https://${host}`, region });

/**
 * AWS's own endpoints (AWS General Reference). They are always named: left out, AWS_ENDPOINT_URL or a profile could have a server of
 * somebody else's make the evidence. IAM, Organizations and Account are one for each partition, and sign for a Region of their own.
 */
const ENDPOINTS: Readonly<Record<Partition, Readonly<Record<AskedService, ServiceEndpoint>>>> = {
  aws: {
    sts: at("sts.us-east-1.amazonaws.com", "us-east-1"),
    iam: at("iam.amazonaws.com", "us-east-1"),
    organizations: at("organizations.us-east-1.amazonaws.com", "us-east-1"),
    account: at("account.us-east-1.amazonaws.com", "us-east-1"),
  },
  "aws-us-gov": {
    sts: at("sts.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
    iam: at("iam.us-gov.amazonaws.com", "us-gov-west-1"),
    organizations: at("organizations.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
    account: at("account.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
  },
  "aws-cn": {
    sts: at("sts.cn-north-1.amazonaws.com.cn", "cn-north-1"),
    iam: at("iam.cn-north-1.amazonaws.com.cn", "cn-north-1"),
    organizations: at("organizations.cn-northwest-1.amazonaws.com.cn", "cn-northwest-1"),
    account: at("account.cn-northwest-1.amazonaws.com.cn", "cn-northwest-1"),
  },
};

/** The endpoint of `service` in `partition`. */
export function endpointOf(partition: Partition, service: AskedService): ServiceEndpoint {
  return ENDPOINTS[partition][service];
}
