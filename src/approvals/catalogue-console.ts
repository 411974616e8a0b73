import type { CatalogueRow } from "./load-catalogue.js";
import type { PurposeScope } from "./purpose.js";

const OWN: readonly PurposeScope[] = ["standalone", "management"];
const ANY: readonly PurposeScope[] = ["standalone", "management", "member"];

type Terms = Pick<CatalogueRow, "approvals" | "maxMinutes"> & Partial<CatalogueRow>;

/** A task for which a person signs in as root: password and code, unless `terms` say otherwise. */
function consoleTask(slug: string, title: string, scope: readonly PurposeScope[], terms: Terms): CatalogueRow {
  return { slug, title, scope, route: "ROOT_CONSOLE", reveal: ["password", "totp"], ...terms };
}

/** Tasks of AWS's own list that need a person as root, or AWS Support (domain file §1.1 and §1.2). */
export const CONSOLE_ROWS: readonly CatalogueRow[] = [
  consoleTask("account-email-change", "Change the root e-mail address", OWN, {
    approvals: 2,
    maxMinutes: 30,
    rotateAfter: true,
    ctEvents: ["ConsoleLogin", "EmailUpdated"],
    mail: ["email-change-otp"],
  }),
  consoleTask("account-password-change", "Change the root password", ANY, {
    reveal: ["password", "newPassword", "totp"],
    approvals: 1,
    maxMinutes: 30,
    ctEvents: ["ChangePassword", "PasswordUpdated", "PasswordRecoveryRequested", "PasswordRecoveryCompleted"],
  }),
  consoleTask("root-mfa-manage", "Register or replace an MFA device of root", ANY, {
    approvals: 2,
    maxMinutes: 30,
    rotateAfter: true,
    ctEvents: ["CreateVirtualMFADevice", "EnableMFADevice", "DeactivateMFADevice", "DeleteVirtualMFADevice"],
  }),
  consoleTask("root-access-key-delete", "Delete access keys of root", OWN, {
    approvals: 1,
    maxMinutes: 30,
    rotateAfter: true,
    ctEvents: ["DeleteAccessKey"],
  }),
  consoleTask("root-signing-cert-delete", "Delete X.509 signing certificates of root", OWN, {
    approvals: 1,
    maxMinutes: 30,
    rotateAfter: true,
    ctEvents: ["DeleteSigningCertificate"],
  }),
  consoleTask("s3-bucket-policy-unlock", "Remove a bucket policy that denies everyone", OWN, {
    approvals: 2,
    maxMinutes: 60,
    rotateAfter: true,
    ctEvents: ["DeleteBucketPolicy", "PutBucketPolicy"],
  }),
  consoleTask("sqs-queue-policy-unlock", "Remove a queue policy that denies everyone", OWN, {
    approvals: 2,
    maxMinutes: 60,
    rotateAfter: true,
  }),
  // No rotation after closing: the password must work unchanged for the 90 days in which the account can be reopened.
  consoleTask("account-close", "Close the account", ["standalone"], { approvals: 2, maxMinutes: 60, irreversible: true }),
  consoleTask("account-close-management", "Close a management account, whose members are all closed", ["management"], {
    approvals: 2,
    maxMinutes: 60,
    irreversible: true,
  }),
  consoleTask("account-reopen", "Reopen the account within 90 days", OWN, { approvals: 2, maxMinutes: 60, rotateAfter: true }),
  {
    slug: "account-reopen",
    title: "Reopen the account within 90 days",
    scope: ["member"],
    route: "SUPPORT",
    approvals: 2,
    maxMinutes: 60,
    way: "The management account asks AWS Support to reopen a member account within the 90 days; no root credential is needed.",
  },
  consoleTask("iam-restore-permissions", "Restore the permissions of the only IAM administrator", ANY, {
    approvals: 2,
    maxMinutes: 60,
    rotateAfter: true,
  }),
  consoleTask("billing-iam-access-activate", "Activate IAM access to the Billing console", ANY, {
    approvals: 1,
    maxMinutes: 30,
    rotateAfter: true,
  }),
  consoleTask("billing-root-only", "Talk to AWS billing about what is limited to root", OWN, {
    approvals: 1,
    maxMinutes: 60,
    rotateAfter: true,
  }),
  consoleTask("tax-invoice-view", "View tax invoices that only root sees", ANY, { approvals: 1, maxMinutes: 30, rotateAfter: true }),
  consoleTask("govcloud-signup", "Sign up for AWS GovCloud (US)", OWN, { approvals: 2, maxMinutes: 60, rotateAfter: true }),
  {
    slug: "govcloud-root-keys-request",
    title: "Ask AWS Support for root access keys of a GovCloud account",
    scope: ["govcloud"],
    route: "SUPPORT",
    reveal: ["password", "totp"],
    approvals: 2,
    maxMinutes: 60,
    rotateAfter: true,
  },
  consoleTask("ec2-ri-marketplace-seller", "Register as a seller of Reserved Instances", ANY, {
    approvals: 1,
    maxMinutes: 30,
    rotateAfter: true,
  }),
  {
    slug: "kms-key-recover",
    title: "Recover a KMS key that nobody can manage any more",
    scope: ANY,
    route: "SUPPORT",
    reveal: ["phoneOtp"],
    approvals: 2,
    maxMinutes: 1440,
    way: "Open a case with AWS Support: they call the primary phone number of the account and ask for the code of the case. No secret of ours.",
  },
  consoleTask("s3-mfa-delete", "Configure MFA Delete on a bucket", ANY, {
    approvals: 2,
    maxMinutes: 60,
    rotateAfter: true,
    ctEvents: ["PutBucketVersioning"],
  }),
];
