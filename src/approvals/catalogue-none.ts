import type { CatalogueRow } from "./load-catalogue.js";
import type { PurposeScope } from "./purpose.js";

const OWN: readonly PurposeScope[] = ["standalone", "management"];

/** A task that accounts of these kinds do not have, and what they have instead. */
function none(slug: string, title: string, scope: readonly PurposeScope[], way: string): CatalogueRow {
  return { slug, title, scope, route: "NONE", way };
}

/**
 * A GovCloud account is signed up from, billed with and closed with one standard account, and its root user has no console of its own:
 * what there is of root, AWS Support gives as access keys.
 */
const GOVCLOUD_STANDARD = "A GovCloud account has no root console: do this in the standard account that it is linked to.";
const GOVCLOUD_ROLE =
  "A GovCloud account has no root console: use an administrator's role, and if nobody has one, purpose govcloud-root-keys-request.";

/**
 * The rest of the table: purposes on kinds of account that do not have them (the cells "n/a" and "not possible" of the domain file §1.1,
 * and GovCloud). With these rows every purpose is decided for every kind of account.
 */
export const NONE_ROWS: readonly CatalogueRow[] = [
  none("account-close", "Close the account", ["management"], "Name purpose account-close-management, once all members are closed."),
  none(
    "account-close-management",
    "Close a management account, whose members are all closed",
    ["standalone", "member"],
    "This is no management account: name purpose account-close.",
  ),
  none(
    "govcloud-root-keys-request",
    "Ask AWS Support for root access keys of a GovCloud account",
    [...OWN, "member"],
    "This is no GovCloud account: it has a root console.",
  ),
  none(
    "root-credentials-remove",
    "Remove all root credentials",
    OWN,
    "Not possible: AWS removes the root credentials of member accounts only. Keep them here.",
  ),
  none(
    "root-password-allow-recovery",
    "Allow password recovery for an account without root credentials",
    OWN,
    "This account cannot be without root credentials; a lost password is set anew with purpose mailbox-recovery.",
  ),
  none(
    "kms-key-recover",
    "Recover a KMS key that nobody can manage any more",
    ["govcloud"],
    "Open a case with AWS Support from a role of the GovCloud account; no root credential is part of it.",
  ),
  ...(
    [
      ["account-close", "Close the account"],
      ["account-close-management", "Close a management account, whose members are all closed"],
      ["account-email-change", "Change the root e-mail address"],
      ["account-reopen", "Reopen the account within 90 days"],
      ["billing-iam-access-activate", "Activate IAM access to the Billing console"],
      ["billing-root-only", "Talk to AWS billing about what is limited to root"],
      ["ec2-ri-marketplace-seller", "Register as a seller of Reserved Instances"],
      ["govcloud-signup", "Sign up for AWS GovCloud (US)"],
      ["tax-invoice-view", "View tax invoices that only root sees"],
    ] as const
  ).map(([slug, title]) => none(slug, title, ["govcloud"], GOVCLOUD_STANDARD)),
  ...(
    [
      ["account-password-change", "Change the root password"],
      ["iam-restore-permissions", "Restore the permissions of the only IAM administrator"],
      ["root-access-key-delete", "Delete access keys of root"],
      ["root-credentials-remove", "Remove all root credentials"],
      ["root-mfa-manage", "Register or replace an MFA device of root"],
      ["root-password-allow-recovery", "Allow password recovery for an account without root credentials"],
      ["root-signing-cert-delete", "Delete X.509 signing certificates of root"],
      ["s3-bucket-policy-unlock", "Remove a bucket policy that denies everyone"],
      ["s3-mfa-delete", "Configure MFA Delete on a bucket"],
      ["signin-policy-recovery", "Undo a sign-in policy that locks everyone out of the console"],
      ["sqs-queue-policy-unlock", "Remove a queue policy that denies everyone"],
    ] as const
  ).map(([slug, title]) => none(slug, title, ["govcloud"], GOVCLOUD_ROLE)),
];
