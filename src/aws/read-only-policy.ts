/**
 * Every call that the adapter makes with a session in a customer's account, and nothing else. It is the session's own policy, so a role that
 * may do more lends us no more; docs/examples/posture-permissions.json is the same list for the customer's role. (GetCallerIdentity needs
 * no permission and stands here to be seen.)
 */
export const READ_ONLY_ACTIONS = [
  "account:GetAlternateContact",
  "iam:GenerateCredentialReport",
  "iam:GetAccountSummary",
  "iam:GetCredentialReport",
  "organizations:DescribeAccount",
  "organizations:DescribeOrganization",
  "sts:GetCallerIdentity",
] as const;
export type ReadOnlyAction = (typeof READ_ONLY_ACTIONS)[number];

/** The policy of the list, as IAM reads it. */
export const READ_ONLY_POLICY = {
  Version: "2012-10-17",
  Statement: [{ Sid: "RootkeepReadsPosture", Effect: "Allow", Action: [...READ_ONLY_ACTIONS], Resource: "*" }],
} as const;
