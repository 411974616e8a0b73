// Forgeries of who has seen the password, where nobody is to have password and codes.
import type { Vault } from "../../support/vault.js";
import { formOf } from "../../support/vault.js";
import { edit, type Forgery, remove } from "./forgery.js";
import type { Scene } from "./scene.js";

const GRANTS = "approvals.access_grant";
const VERSIONS = "secrets.secret_version";

/** Rita, who has seen the password, asks for the codes too. */
const askForCodes = ({ rita, accounts }: Scene, vault: Vault): Promise<unknown> =>
  vault.requests.submit(
    rita,
    formOf({ operation: "secret.reveal", accountId: accounts.halves, purpose: "rotate-after-use", ticket: "INC-9", kinds: ["mfa-seed"] }),
  );
const password = ({ id, accounts }: Scene): string => id(`secret_version root-password ${accounts.halves}`);
const hidden = { use: askForCodes, answer: "POLICY_REFUSED", heard: "by the watch" } as const;

export const ON_HALVES: readonly Forgery[] = [
  {
    id: "F89",
    name: "the grant by which somebody saw the password is deleted, for the codes",
    tables: [GRANTS],
    make: remove(GRANTS, ({ grants }) => grants.halves),
    rows: ({ grants }) => [`access_grant/${grants.halves}`],
    ...{ ...hidden, action: "grant.return" },
  },
  {
    id: "F90",
    name: "the grant by which somebody saw the password is another account's, for the codes",
    tables: [GRANTS],
    make: edit(
      GRANTS,
      ({ grants }) => grants.halves,
      ({ accounts }) => `account_id = '${accounts.acme}'`,
    ),
    older: ({ older }) => older.halves.putBack(),
    rows: ({ grants }) => [`access_grant/${grants.halves}`],
    ...{ ...hidden, action: "grant.return" },
  },
  {
    id: "F91",
    name: "the password that somebody saw is deleted, for the codes",
    tables: [VERSIONS],
    make: remove(VERSIONS, password),
    rows: (scene) => [`secret_version/${password(scene)}`],
    ...{ ...hidden, action: "account.import" },
  },
];
