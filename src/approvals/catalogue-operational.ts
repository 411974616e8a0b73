import type { CatalogueRow } from "./load-catalogue.js";
import type { PurposeScope } from "./purpose.js";

const OWN: readonly PurposeScope[] = ["standalone", "management"];
const EVERY: readonly PurposeScope[] = ["standalone", "management", "member", "govcloud"];

/** A purpose of our own work on an account, by the root console. */
function operation(slug: string, title: string, terms: Partial<CatalogueRow>): CatalogueRow {
  return { slug, title, scope: EVERY, route: "ROOT_CONSOLE", ...terms };
}

const PASSWORD_CHANGED = ["ChangePassword", "PasswordUpdated"];

/** Purposes that are not on AWS's list but need the vault (domain file §1.1, last paragraph; §6). Their numbers are ours. */
export const OPERATIONAL_ROWS: readonly CatalogueRow[] = [
  operation("onboard-takeover", "Take the root user over at the start of the contract", {
    reveal: ["password", "newPassword", "totp", "mailOtp"],
    approvals: 2,
    maxMinutes: 120,
    // One to sign in, two in a row to enrol the new device, one to verify it.
    codes: 4,
    ctEvents: [...PASSWORD_CHANGED, "EmailUpdated", "EnableMFADevice", "DeactivateMFADevice"],
    mail: ["email-change-otp", "signin-otp"],
  }),
  operation("rotate-scheduled", "Rotate the password as scheduled", {
    reveal: ["password", "newPassword", "totp"],
    approvals: 1,
    maxMinutes: 30,
    ctEvents: PASSWORD_CHANGED,
  }),
  operation("rotate-after-use", "Rotate the password after a person saw it", {
    reveal: ["password", "newPassword", "totp"],
    approvals: 1,
    maxMinutes: 30,
    ctEvents: PASSWORD_CHANGED,
  }),
  // One approver only: every minute before this rotation belongs to the intruder.
  operation("rotate-suspected-compromise", "Rotate the password because it may be known", {
    reveal: ["password", "newPassword", "totp", "mailOtp"],
    approvals: 1,
    maxMinutes: 60,
    ctEvents: PASSWORD_CHANGED,
    mail: ["signin-otp"],
  }),
  operation("rotate-mfa", "Replace the MFA device: enrol the new one, sign in with it, remove the old one", {
    reveal: ["password", "totp", "newTotp"],
    approvals: 2,
    maxMinutes: 30,
    // Of each device: the new one wants two in a row to be enrolled, and one to sign in.
    codes: 4,
    rotateAfter: true,
    ctEvents: ["CreateVirtualMFADevice", "EnableMFADevice", "ConsoleLogin", "DeactivateMFADevice"],
  }),
  operation("rotate-verify", "Find out which value works after a rotation, by signing in: the candidate first, then the other", {
    reveal: ["password", "newPassword", "totp", "newTotp"],
    approvals: 1,
    maxMinutes: 30,
    codes: 3,
    verifies: true,
    ctEvents: ["ConsoleLogin"],
  }),
  operation("mailbox-recovery", "Set a new password through the root mailbox", {
    reveal: ["newPassword", "totp", "mailOtp"],
    approvals: 2,
    maxMinutes: 60,
    ctEvents: ["PasswordRecoveryRequested", "PasswordRecoveryCompleted"],
    mail: ["password-reset", "signin-otp"],
  }),
  operation("mfa-recovery", "Sign in with the alternative factors, e-mail and phone call", {
    reveal: ["password", "mailOtp", "phoneOtp"],
    approvals: 2,
    maxMinutes: 60,
    rotateAfter: true,
    ctEvents: ["ConsoleLogin", "DeactivateMFADevice", "EnableMFADevice"],
    mail: ["mfa-recovery"],
  }),
  operation("mailbox-otp-release", "Release a code that AWS mailed", {
    reveal: ["mailOtp"],
    approvals: 2,
    maxMinutes: 30,
    mail: ["signin-otp", "email-change-otp"],
  }),
  operation("abuse-response", "Answer AWS Trust and Safety", {
    reveal: ["password", "totp"],
    approvals: 1,
    maxMinutes: 60,
    rotateAfter: true,
    ctEvents: ["ConsoleLogin"],
  }),
  operation("signin-policy-recovery", "Undo a sign-in policy that locks everyone out of the console", {
    scope: OWN,
    reveal: ["password", "totp"],
    approvals: 2,
    maxMinutes: 60,
    rotateAfter: true,
  }),
  operation("drill", "Exercise the recovery of the account", {
    reveal: ["password", "totp"],
    approvals: 1,
    maxMinutes: 30,
    rotateAfter: true,
    ctEvents: ["ConsoleLogin"],
  }),
  operation("release-handback", "Hand the root user back to the customer", {
    reveal: ["password", "newPassword", "totp", "mailOtp"],
    approvals: 2,
    maxMinutes: 240,
    codes: 4,
    irreversible: true,
    ctEvents: [...PASSWORD_CHANGED, "EmailUpdated", "AcceptPrimaryEmailUpdate", "DeactivateMFADevice"],
    mail: ["email-change-otp", "signin-otp"],
  }),
  {
    slug: "ownership-assignment",
    title: "Assign the account to another legal entity (AWS Consent to Assignment)",
    scope: EVERY,
    route: "SUPPORT",
    reveal: ["password", "totp"],
    approvals: 2,
    maxMinutes: 60,
    rotateAfter: true,
    irreversible: true,
  },
];
