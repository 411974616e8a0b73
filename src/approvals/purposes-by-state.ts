import { ACCOUNT_STATES, type AccountState } from "../accounts/account.js";

/** What AWS still lets root do while a closed account can be reopened. */
const POST_CLOSURE = ["account-reopen", "billing-root-only", "tax-invoice-view"] as const;
/** What taking an account over needs; `drill` for the second person who signs in. */
const ONBOARDING = [
  "onboard-takeover",
  "rotate-verify",
  "rotate-mfa",
  "mailbox-otp-release",
  "mailbox-recovery",
  "mfa-recovery",
  "drill",
] as const;
/** What ends with a new password, and trying whether it works. */
const HEALING = [
  "account-password-change",
  "rotate-after-use",
  "rotate-suspected-compromise",
  "rotate-verify",
  "mailbox-recovery",
] as const;

/**
 * The purposes that an account opens in each state of its life (docs/spec/lifecycle.md [LC-4]). What a state does not name it does not open:
 * before an account is ours it opens what taking it over needs, on its way out what handing it over needs, and afterwards nothing.
 */
export const PURPOSES_BY_STATE: Readonly<Record<AccountState, "all" | readonly string[]>> = {
  invited: [],
  assuming: ONBOARDING,
  secured: ONBOARDING,
  active: "all",
  rotating: "all",
  quarantined: [
    ...HEALING,
    "mfa-recovery",
    "mailbox-otp-release",
    "root-mfa-manage",
    "rotate-mfa",
    "root-access-key-delete",
    "abuse-response",
  ],
  closing: ["account-close", "account-close-management", ...POST_CLOSURE],
  closed: POST_CLOSURE,
  reopening: [...POST_CLOSURE, ...HEALING],
  sealed_final: [],
  releasing: ["release-handback", "rotate-verify"],
  released: [],
  abandoned: [],
};

/**
 * The purposes that open in `state`. An account that was declared in use by its import opens everything until its takeover is complete: its
 * values are exposed from the start, and nobody is to wait for a checklist to answer AWS. A state that we do not know opens nothing.
 */
export function purposesOpenIn(state: string, isDeclared: boolean): "all" | readonly string[] {
  const known = ACCOUNT_STATES.find((one) => one === state);
  if (known === undefined) return [];
  return isDeclared && (known === "assuming" || known === "secured") ? "all" : PURPOSES_BY_STATE[known];
}
