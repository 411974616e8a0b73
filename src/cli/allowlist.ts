import { ROLES } from "../kernel/operations.js";
import { pathPart } from "./api-client.js";
import type { Call, Command } from "./command.js";
import { UsageError } from "./failure.js";
import { ask, REASON } from "./people.js";

/** The accounts that an allowlist entry reaches, as the options say. @throws UsageError unless exactly one kind is named. */
export function scopeOf(given: Call["given"]): Readonly<Record<string, unknown>> {
  const kinds = (["customer", "tag", "account"] as const).filter((kind) => given.list(kind).length > 0);
  const isAll = given.flag("all");
  const [kind] = kinds;
  if (kinds.length + (isAll ? 1 : 0) !== 1) throw new UsageError("name one of --all, --customer, --tag, --account");
  return kind === undefined ? { kind: "all" } : { kind, values: given.list(kind) };
}

/** The allowlist: who may do what, over which accounts. */
export const ALLOWLIST_COMMANDS: readonly Command[] = [
  {
    words: ["people", "allow"],
    summary: "Asks for an allowlist entry: a role over some accounts, for a time.",
    positionals: ["PERSON"],
    options: {
      role: { kind: "text", value: "ROLE", meaning: `one of ${ROLES.join(", ")}`, isRequired: true },
      all: { kind: "flag", meaning: "over all accounts" },
      customer: { kind: "list", value: "NAME", meaning: "over a customer's accounts; may be repeated" },
      tag: { kind: "list", value: "KEY=VALUE", meaning: "over accounts with this tag; may be repeated" },
      account: { kind: "list", value: "ACCOUNT", meaning: "over one account; may be repeated" },
      days: { kind: "count", value: "N", meaning: "for so many days from the approval, at most 365" },
      reason: REASON,
    },
    async run(call) {
      const days = call.given.count("days");
      return await ask(call, "allowlist.grant", {
        personId: call.given.positional("PERSON"),
        role: call.given.required("role"),
        scope: scopeOf(call.given),
        ...(days === undefined ? {} : { validDays: days }),
      });
    },
  },
  {
    words: ["people", "disallow"],
    summary: "Ends an allowlist entry at once; it takes one custodian.",
    positionals: ["ENTRY"],
    async run(call) {
      call.show(await (await call.client()).post(`/v1/allowlist/${pathPart(call.given.positional("ENTRY"))}/revocations`));
      return undefined;
    },
  },
  {
    words: ["people", "certify"],
    summary:
      "Shows the digest of allowlist, teams and policies as they stand; with --digest asks another custodian to certify them with you.",
    options: {
      digest: { kind: "text", value: "HEX", meaning: "of what you have looked at" },
      reason: { kind: "text", value: "TEXT", meaning: "why, for whoever approves" },
    },
    async run(call) {
      const [digest, reason] = [call.given.text("digest"), call.given.text("reason")];
      if (digest === undefined) {
        call.show(await (await call.client()).get("/v1/allowlist/certification"));
        return undefined;
      }
      if (reason === undefined) throw new UsageError("--reason is needed");
      return await ask(call, "allowlist.certify", { digest });
    },
  },
  {
    words: ["people", "allowlist"],
    summary: "Lists the allowlist, ended entries too.",
    async run(call) {
      const items = (await call.client()).items("/v1/allowlist");
      await call.list(items, ["entry", "person", "role", "scope", "from", "to", "ended"], ({ members: m }) => [
        m["id"],
        m["personId"],
        m["role"],
        m["scope"],
        m["validFrom"],
        m["validTo"],
        m["endedAt"],
      ]);
      return undefined;
    },
  },
];
