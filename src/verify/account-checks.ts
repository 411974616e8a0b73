/** Every check of an account export, in the order of the report (docs/spec/account-export.md, "Verifying"). */
export const ACCOUNT_CHECKS = [
  "manifest",
  "layout",
  "signatures",
  "quorum",
  "heartbeat",
  "heads",
  "bundles",
  "canonical",
  "form",
  "origin",
  "account",
  "chain",
  "end",
  "acts",
  "inclusion",
  "trust",
] as const;
export type AccountCheck = (typeof ACCOUNT_CHECKS)[number];
