import type { CatalogueRow } from "./load-catalogue.js";
import type { PurposeScope } from "./purpose.js";

const EVERY: readonly PurposeScope[] = ["standalone", "management", "member", "govcloud"];

/** A task of a member account that `sts:AssumeRoot` does under one of AWS's task policies: at most 15 minutes, nothing revealed. */
function rootSession(slug: string, title: string, taskPolicy: string, approvals: number, calls: readonly string[]): CatalogueRow {
  const way = `Use sts:AssumeRoot with task policy ${taskPolicy} from the management or delegated administrator account; no root password is needed.`;
  return { slug, title, scope: ["member"], route: "ASSUME_ROOT", taskPolicy, calls, approvals, maxMinutes: 15, way };
}

/** A task that an ordinary IAM role does. */
function referral(slug: string, title: string, way: string, scope: readonly PurposeScope[] = EVERY): CatalogueRow {
  return { slug, title, scope, route: "ROLE", way };
}

const DELETE_POLICY = "IAMDeleteRootUserCredentials";

/**
 * Tasks that have a better way than the root user's password: an Organizations call, a brokered root session, an ordinary role
 * (domain file §1.1 and §1.2, law L7). The row with `approvals: 0`, the scheduled audit of root credentials, is a job and no purpose; who
 * asks for it by name is told where its result is.
 */
export const BROKERED_ROWS: readonly CatalogueRow[] = [
  {
    slug: "account-email-change",
    title: "Change the root e-mail address",
    scope: ["member"],
    route: "ORG_API",
    calls: ["account:StartPrimaryEmailUpdate", "account:AcceptPrimaryEmailUpdate"],
    reveal: ["mailOtp"],
    approvals: 2,
    maxMinutes: 1440,
    ctEvents: ["StartPrimaryEmailUpdate", "AcceptPrimaryEmailUpdate"],
    mail: ["primary-email-otp"],
    way: "Call account:StartPrimaryEmailUpdate and AcceptPrimaryEmailUpdate from the management account; ask here for the mailed code only.",
  },
  {
    slug: "account-close",
    title: "Close the account",
    scope: ["member"],
    route: "ORG_API",
    calls: ["organizations:CloseAccount"],
    approvals: 2,
    maxMinutes: 60,
    irreversible: true,
    ctEvents: ["CloseAccount", "CloseAccountResult"],
    way: "Call organizations:CloseAccount from the management account; no root password is needed.",
  },
  {
    slug: "govcloud-signup",
    title: "Sign up for AWS GovCloud (US)",
    scope: ["member"],
    route: "ORG_API",
    calls: ["organizations:CreateGovCloudAccount"],
    approvals: 2,
    maxMinutes: 60,
    way: "Call organizations:CreateGovCloudAccount from the management account; no root password is needed.",
  },
  rootSession("root-access-key-delete", "Delete access keys of root", DELETE_POLICY, 1, [
    "ListAccessKeys",
    "GetAccessKeyLastUsed",
    "DeleteAccessKey",
  ]),
  rootSession("root-signing-cert-delete", "Delete X.509 signing certificates of root", DELETE_POLICY, 1, [
    "ListSigningCertificates",
    "DeleteSigningCertificate",
  ]),
  {
    ...rootSession("root-credentials-remove", "Remove all root credentials", DELETE_POLICY, 2, [
      "DeleteLoginProfile",
      "DeleteAccessKey",
      "DeleteSigningCertificate",
      "DeactivateMFADevice",
    ]),
    irreversible: true,
  },
  rootSession(
    "root-password-allow-recovery",
    "Allow password recovery for an account without root credentials",
    "IAMCreateRootUserPassword",
    2,
    ["GetLoginProfile", "CreateLoginProfile"],
  ),
  rootSession("s3-bucket-policy-unlock", "Remove a bucket policy that denies everyone", "S3UnlockBucketPolicy", 1, [
    "ListBuckets",
    "GetBucketPolicy",
    "PutBucketPolicy",
    "DeleteBucketPolicy",
  ]),
  rootSession("sqs-queue-policy-unlock", "Remove a queue policy that denies everyone", "SQSUnlockQueuePolicy", 1, [
    "ListQueues",
    "GetQueueUrl",
    "GetQueueAttributes",
    "SetQueueAttributes",
  ]),
  {
    slug: "signin-policy-recovery",
    title: "Undo a sign-in policy that locks everyone out of the console",
    scope: ["member"],
    route: "ORG_API",
    calls: ["signin:PutConsoleAuthorizationConfiguration"],
    approvals: 2,
    maxMinutes: 60,
    way: "Undo it by command line from the management account: a sign-in policy stops the console, not signed API calls.",
  },
  referral(
    "root-credential-audit",
    "See which root credentials exist",
    "iam:GetAccountSummary and the credential report show it to an ordinary role; member accounts are audited by a scheduled job.",
  ),
  referral(
    "billing-root-only",
    "Talk to AWS billing about what is limited to root",
    "The payer's management account does this for its members.",
    ["member"],
  ),
  referral("support-plan-change", "Change the Support plan", "A role with the AWS Support Plans permissions (supportplans) changes it."),
  referral("account-name-change", "Change the account name", "A role calls account:PutAccountName."),
  referral(
    "contact-change",
    "Change contact and alternate contacts",
    "A role calls account:PutContactInformation or account:PutAlternateContact.",
  ),
  referral("payment-currency-change", "Change the payment currency", "A role with IAM access to the Billing console changes it."),
  referral("region-change", "Enable or disable a Region", "A role calls account:EnableRegion or account:DisableRegion."),
  referral(
    "member-email-change",
    "Change the root e-mail address of a member account",
    "Name the member account and purpose account-email-change: the management account does it by API.",
  ),
  referral(
    "member-account-close",
    "Close a member account",
    "Name the member account and purpose account-close: the management account does it by API.",
  ),
  referral(
    "cloudfront-key-pair",
    "Manage CloudFront key pairs",
    "Use CloudFront key groups (cloudfront:CreateKeyGroup), which a role manages.",
  ),
  referral(
    "mechanical-turk-link",
    "Link the account with Mechanical Turk",
    "AWS no longer lists this as a task of root: ask AWS Support from a role.",
  ),
];
