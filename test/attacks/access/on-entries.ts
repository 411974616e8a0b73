// Forgeries in the log itself: well-formed entries that join the chain and say that something was decided.
import { randomUUID } from "node:crypto";
import { draftEntry, personActor } from "../../../src/audit/draft.js";
import type { EntryDraft } from "../../../src/audit/entry.js";
import type { ErrorCode } from "../../../src/kernel/errors.js";
import { newId } from "../../../src/kernel/ids.js";
import { unusedCode } from "../../support/act-code.js";
import type { Vault, VaultOptions } from "../../support/vault.js";
import type { Scene } from "./scene.js";
import { openHeld } from "./uses.js";

/** An entry that the database's owner appends, and nothing else. */
export interface EntryForgery {
  readonly id: `F${number}`;
  readonly name: string;
  draft(scene: Scene): EntryDraft;
  /** How the process is started that meets it. */
  readonly options: VaultOptions;
  use(scene: Scene, vault: Vault): Promise<unknown>;
  readonly answer: ErrorCode;
  readonly heard: "at use" | "by the watch";
}

const OTHER_CONFIG = "cd".repeat(32);

const openNothing = async ({ mal }: Scene, { reveals }: Vault): Promise<unknown> =>
  reveals.reveal(mal, newId("grant"), "root-password", await unusedCode(mal));
const done = { outcome: "committed", actor: personActor(newId("person")) } as const;

export const ON_ENTRIES: readonly EntryForgery[] = [
  {
    id: "F75",
    name: "an entry approves another trusted configuration, with an HMAC of zeros",
    draft: () =>
      draftEntry({
        action: "config.approve",
        ...done,
        target: { type: "configuration", id: OTHER_CONFIG },
        details: { configDigest: OTHER_CONFIG, configMac: "00".repeat(32), settings: { deployment: "test" } },
      }),
    options: { configDigest: OTHER_CONFIG },
    ...{ use: openHeld, answer: "CONFIG_UNAPPROVED", heard: "at use" },
  },
  {
    id: "F76",
    name: "an entry approves another trusted configuration, with the HMAC of the founding",
    draft: ({ vault }) => {
      const details = vault.log.lastOf("people.founded")?.details ?? {};
      return draftEntry({
        action: "config.approve",
        ...done,
        details: { configDigest: OTHER_CONFIG, configMac: String(details["configMac"]) },
      });
    },
    options: { configDigest: OTHER_CONFIG },
    ...{ use: openHeld, answer: "CONFIG_UNAPPROVED", heard: "at use" },
  },
  {
    id: "F77",
    name: "an entry certifies an allowlist that has lapsed",
    draft: () =>
      draftEntry({
        action: "allowlist.certify",
        ...done,
        details: {
          allowlistDigest: "ab".repeat(32),
          allowlistMac: "00".repeat(32),
          certifiedAt: new Date().toISOString(),
          entries: 9,
          lapsed: 9,
        },
      }),
    // Everybody but two custodians has lapsed by now.
    options: { recertifySeconds: 1 },
    ...{ use: openHeld, answer: "NOT_ALLOWLISTED", heard: "at use" },
  },
  {
    id: "F78",
    name: "an entry takes a policy away, and lists no row",
    draft: () => draftEntry({ action: "policy.change", ...done, target: { type: "policy", id: "globex" }, details: { policy: null } }),
    options: {},
    ...{ use: openNothing, answer: "NOT_FOUND", heard: "at use" },
  },
  {
    id: "F79",
    name: "an entry grants a request, and lists a grant that is not there",
    draft: ({ requests }) => ({
      ...draftEntry({ action: "request.opened", ...done, target: { type: "request", id: requests.open } }),
      rows: [`access_grant/${newId("grant")}`],
    }),
    options: {},
    ...{ use: openNothing, answer: "NOT_FOUND", heard: "by the watch" },
  },
  {
    id: "F80",
    name: "an entry says that the insider opened a session, and lists no row",
    draft: ({ mal }) => draftEntry({ action: "session.create", outcome: "allowed", actor: personActor(mal.personId) }),
    options: {},
    use: (_scene, { people }) => people.sessions.authenticate(`rks_${randomUUID()}`),
    ...{ answer: "UNAUTHENTICATED", heard: "by the watch" },
  },
  {
    id: "F81",
    name: "an entry opens what nobody opened: an intent without a grant's row",
    draft: ({ rita }) => draftEntry({ action: "secret.reveal", outcome: "intent", actor: personActor(rita.personId) }),
    options: {},
    ...{ use: openNothing, answer: "NOT_FOUND", heard: "at use" },
  },
];
