// Forgeries of what people decided: approvals, grants, requests, break-glass, the brake.
import type { JsonObject } from "../../../src/audit/canonical-json.js";
import { newId } from "../../../src/kernel/ids.js";
import { unusedCode } from "../../support/act-code.js";
import type { Vault } from "../../support/vault.js";
import { formOf } from "../../support/vault.js";
import { copied, edit, type Forgery, remove, reworded } from "./forgery.js";
import type { Scene } from "./scene.js";
import { approveOne, openHeld } from "./uses.js";

const APPROVALS = "approvals.approval";
const GRANTS = "approvals.access_grant";
const REQUESTS = "approvals.request";
const USES = "approvals.glass_use";
const RAISES = "approvals.brake_raise";

const heldGrant = ({ grants }: Scene): string => grants.held;
const heldRequest = ({ requests }: Scene): string => requests.held;
const heldApproval = (scene: Scene): string => scene.id(`approval ${scene.requests.held}`);
const FORGED = { approval: newId("approval"), grant: newId("grant"), raise: newId("raise") };

const atHeld = { use: openHeld, answer: "ROW_REFUSED", heard: "at use", action: "request.approve" } as const;

const WORDS: readonly (readonly [string, Parameters<typeof reworded>[1]])[] = [
  ["account", (body, { accounts }) => ({ account: { ...(body["account"] as JsonObject), id: accounts.globex } })],
  ["kinds", (body) => ({ secrets: (body["secrets"] as JsonObject[]).slice(0, 1) })],
  ["purpose", (body) => ({ purpose: { ...(body["purpose"] as JsonObject), slug: "account-email-change" } })],
  ["holder", (body, { mal }) => ({ secrets: (body["secrets"] as JsonObject[]).map((secret) => ({ ...secret, holder: mal.personId })) })],
  ["reason", () => ({ reason: "another reason" })],
  ["ticket", () => ({ ticket: "INC-43" })],
  ["time box", () => ({ minutes: 480 })],
  ["approvals asked for", () => ({ policy: { version: "p0", approvals: 0 } })],
];

export const ON_DECISIONS: readonly Forgery[] = [
  {
    id: "F1",
    name: "an approval that nobody gave",
    tables: [APPROVALS],
    make: copied(APPROVALS, heldApproval, ({ requests, otto }) => ({
      id: FORGED.approval,
      request_id: requests.suspended,
      person_id: otto.personId,
    })),
    rows: () => [`approval/${FORGED.approval}`],
    ...{ use: approveOne, answer: "ROW_REFUSED", heard: "at use", action: "request.approve" },
  },
  {
    id: "F2",
    name: "an approval is another person's",
    tables: [APPROVALS],
    make: edit(APPROVALS, heldApproval, ({ otto }) => `person_id = '${otto.personId}'`),
    rows: (scene) => [`approval/${heldApproval(scene)}`],
    ...atHeld,
  },
  {
    id: "F3",
    name: "an approval's statement is of another request",
    tables: [APPROVALS],
    make: (scene) =>
      scene.owner.run(`UPDATE ${APPROVALS} SET statement = (SELECT statement FROM ${APPROVALS} WHERE id = $2) WHERE id = $1`, [
        heldApproval(scene),
        scene.id(`approval ${scene.requests.open}`),
      ]),
    rows: (scene) => [`approval/${heldApproval(scene)}`],
    ...atHeld,
  },
  {
    id: "F4",
    name: "an approval is deleted",
    tables: [APPROVALS],
    make: remove(APPROVALS, heldApproval),
    rows: (scene) => [`approval/${heldApproval(scene)}`],
    ...{ use: openHeld, answer: "APPROVAL_REQUIRED", heard: "by the watch", action: "request.approve" },
  },
  {
    id: "F5",
    name: "a denial is deleted, and the request waits again",
    tables: [APPROVALS, REQUESTS],
    make: async (scene) => {
      await remove(APPROVALS, ({ id, requests }) => id(`approval ${requests.denied}`))(scene);
      await edit(REQUESTS, ({ requests }) => requests.denied, "state = 'SUBMITTED'")(scene);
    },
    older: async (scene) => {
      await remove(APPROVALS, ({ id, requests }) => id(`approval ${requests.denied}`))(scene);
      await scene.older.denied.putBack();
    },
    rows: ({ id, requests }) => [`request/${requests.denied}`, `approval/${id(`approval ${requests.denied}`)}`],
    use: async ({ alan, requests }, vault) => vault.requests.approve(alan, requests.denied, await unusedCode(alan), ""),
    ...{ answer: "ROW_REFUSED", heard: "at use", action: "request.submit" },
  },
  {
    id: "F6",
    name: "a denial is deleted, and nothing else",
    tables: [APPROVALS],
    make: remove(APPROVALS, ({ id, requests }) => id(`approval ${requests.denied}`)),
    rows: ({ id, requests }) => [`approval/${id(`approval ${requests.denied}`)}`],
    use: async ({ alan, requests }, vault) => vault.requests.approve(alan, requests.denied, await unusedCode(alan), ""),
    ...{ answer: "STATE_CONFLICT", heard: "by the watch", action: "request.submit" },
  },
  {
    id: "F7",
    name: "who approved and was suspended is restored by hand",
    tables: ["people.person"],
    make: edit("people.person", ({ sue }) => sue.personId, "state = 'ACTIVE'"),
    older: ({ older }) => older.suspended.putBack(),
    rows: ({ sue }) => [`person/${sue.personId}`],
    ...{ use: approveOne, answer: "ROW_REFUSED", heard: "at use", action: "person.restore" },
  },
  {
    id: "F8",
    name: "a grant that nobody gave, on a request that waits",
    tables: [GRANTS, REQUESTS],
    make: async (scene) => {
      const { mal, accounts, requests } = scene;
      const versions = [{ holder: mal.personId, kind: "root-password", secretId: scene.id(`secret root-password ${accounts.globex}`) }];
      const versionId = scene.id(`secret_version root-password ${accounts.globex}`);
      await copied(GRANTS, heldGrant, () => ({
        id: FORGED.grant,
        request_id: requests.open,
        holder_id: mal.personId,
        account_id: accounts.globex,
        versions: JSON.stringify(versions.map((version) => ({ ...version, versionId }))),
      }))(scene);
      await edit(REQUESTS, () => requests.open, "state = 'APPROVED'")(scene);
    },
    rows: ({ requests }) => [`access_grant/${FORGED.grant}`, `request/${requests.open}`],
    use: async ({ mal }, { reveals }) => reveals.reveal(mal, FORGED.grant, "root-password", await unusedCode(mal)),
    ...{ answer: "ROW_REFUSED", heard: "at use", action: "request.opened" },
  },
  {
    id: "F9",
    name: "a grant's holder is another",
    tables: [GRANTS],
    make: edit(
      GRANTS,
      heldGrant,
      ({ mal, rita }) => `holder_id = '${mal.personId}', versions = replace(versions, '${rita.personId}', '${mal.personId}')`,
    ),
    rows: (scene) => [`access_grant/${heldGrant(scene)}`],
    use: async ({ mal, grants }, { reveals }) => reveals.reveal(mal, grants.held, "root-password", await unusedCode(mal)),
    ...{ answer: "ROW_REFUSED", heard: "at use", action: "request.opened" },
  },
  {
    id: "F10",
    name: "a grant ends a day later",
    tables: [GRANTS],
    make: edit(GRANTS, heldGrant, "expires_at = expires_at + interval '1 day'"),
    rows: (scene) => [`access_grant/${heldGrant(scene)}`],
    ...atHeld,
  },
  {
    id: "F11",
    name: "a grant that has opened has opened nothing",
    tables: [GRANTS],
    make: edit(GRANTS, ({ grants }) => grants.spent, "openings = '{}'"),
    older: ({ older }) => older.spent.putBack(),
    rows: ({ grants }) => [`access_grant/${grants.spent}`],
    use: async ({ rita, grants }, { reveals }) => reveals.reveal(rita, grants.spent, "root-password", await unusedCode(rita)),
    ...{ answer: "ROW_REFUSED", heard: "at use", action: "request.opened" },
  },
  {
    id: "F12",
    name: "a grant names another account's version",
    tables: [GRANTS],
    make: edit(GRANTS, heldGrant, ({ id, accounts }) => {
      const [one, other] = [accounts.acme, accounts.globex].map((account) => id(`secret_version root-password ${account}`));
      return `versions = replace(versions, '${one ?? ""}', '${other ?? ""}')`;
    }),
    rows: (scene) => [`access_grant/${heldGrant(scene)}`],
    ...atHeld,
  },
  {
    id: "F13",
    name: "a revoked grant is open again",
    tables: [GRANTS],
    make: edit(GRANTS, ({ grants }) => grants.revoked, "state = 'OPEN'"),
    older: ({ older }) => older.revoked.putBack(),
    rows: ({ grants }) => [`access_grant/${grants.revoked}`],
    use: async ({ otto, grants }, { reveals }) => reveals.reveal(otto, grants.revoked, "root-password", await unusedCode(otto)),
    ...{ answer: "ROW_REFUSED", heard: "at use", action: "request.opened" },
  },
  {
    id: "F14",
    name: "a grant is deleted",
    tables: [GRANTS],
    make: remove(GRANTS, heldGrant),
    rows: (scene) => [`access_grant/${heldGrant(scene)}`],
    ...atHeld,
  },
  {
    id: "F15",
    name: "a grant gives more codes",
    tables: [GRANTS],
    make: edit(GRANTS, ({ grants }) => grants.spent, "codes_max = 99"),
    rows: ({ grants }) => [`access_grant/${grants.spent}`],
    use: async ({ rita, grants }, { reveals }) => reveals.code(rita, grants.spent, await unusedCode(rita)),
    ...{ answer: "ROW_REFUSED", heard: "at use", action: "request.opened" },
  },
  {
    id: "F16",
    name: "an account is checked in, and a second grant would stand beside the first",
    tables: ["accounts.account"],
    make: edit("accounts.account", ({ accounts }) => accounts.acme, "checkout_grant_id = NULL"),
    older: ({ older }) => older.account.putBack(),
    rows: ({ accounts }) => [`account/${accounts.acme}`],
    use: async ({ alan, requests }, vault) => vault.requests.approve(alan, requests.again, await unusedCode(alan), ""),
    ...{ answer: "ROW_REFUSED", heard: "at use", action: "request.opened" },
  },
  ...WORDS.map(
    ([name, change], index): Forgery => ({
      id: `F${17 + index}`,
      name: `an approved request's ${name}: another, its hash made to fit`,
      tables: [REQUESTS],
      make: reworded(heldRequest, change),
      rows: (scene) => [`request/${heldRequest(scene)}`],
      ...atHeld,
    }),
  ),
  {
    id: "F25",
    name: "a request waits a day longer",
    tables: [REQUESTS],
    make: edit(REQUESTS, ({ requests }) => requests.suspended, "expires_at = expires_at + interval '1 day'"),
    rows: ({ requests }) => [`request/${requests.suspended}`],
    ...{ use: approveOne, answer: "ROW_REFUSED", heard: "at use", action: "request.submit" },
  },
  {
    id: "F26",
    name: "a request is another requester's, who asked approves it",
    tables: [REQUESTS],
    make: edit(
      REQUESTS,
      ({ requests }) => requests.own,
      ({ rita }) => `requester_id = '${rita.personId}'`,
    ),
    rows: ({ requests }) => [`request/${requests.own}`],
    use: async ({ otto, requests }, vault) => vault.requests.approve(otto, requests.own, await unusedCode(otto), ""),
    ...{ answer: "ROW_REFUSED", heard: "at use", action: "request.submit" },
  },
  {
    id: "F27",
    name: "a break-glass under review is deleted",
    tables: [USES],
    make: remove(USES, ({ id, accounts }) => id(`glass_use ${accounts.glass}`)),
    rows: ({ id, accounts }) => [`glass_use/${id(`glass_use ${accounts.glass}`)}`],
    ...{ use: breakAgain, answer: "ROW_REFUSED", heard: "at use", action: "glass.review" },
  },
  {
    id: "F28",
    name: "a break-glass is reviewed by hand",
    tables: [USES],
    make: edit(USES, ({ id, accounts }) => id(`glass_use ${accounts.glass}`), "state = 'CLOSED', closed_at = now()"),
    rows: ({ id, accounts }) => [`glass_use/${id(`glass_use ${accounts.glass}`)}`],
    ...{ use: breakAgain, answer: "ROW_REFUSED", heard: "at use", action: "glass.review" },
  },
  {
    id: "F29",
    name: "the page of a break-glass is accepted in the outbox, and by no channel",
    tables: ["notices.delivery"],
    make: async ({ paged, owner }) => {
      paged.room.isRefusing = true;
      await owner.run("UPDATE notices.delivery SET state = 'SENT', sent_at = now()");
    },
    rows: () => [],
    use: async ({ rita, grants, paged }, { reveals }) => {
      await reveals
        .reveal(rita, grants.unheard, "root-password", await unusedCode(rita))
        .finally(() => void Object.assign(paged.room, { isRefusing: false }));
    },
    ...{ answer: "PAGE_UNACCEPTED", heard: "by nobody", action: "glass.review" },
  },
  {
    id: "F30",
    name: "the brake is raised by hand",
    tables: [RAISES],
    make: copied(
      RAISES,
      ({ id }) => id("brake_raise deployment"),
      () => ({ id: FORGED.raise, openings: 10_000 }),
    ),
    rows: () => [`brake_raise/${FORGED.raise}`],
    ...atHeld,
    action: "brake.raise",
  },
  {
    id: "F31",
    name: "a raise of the brake is larger and ends later",
    tables: [RAISES],
    make: edit(RAISES, ({ id }) => id("brake_raise deployment"), "openings = 10000, valid_to = valid_to + interval '1 year'"),
    rows: ({ id }) => [`brake_raise/${id("brake_raise deployment")}`],
    ...atHeld,
    action: "brake.raise",
  },
];

function breakAgain({ rita, accounts }: Scene, vault: Vault): Promise<unknown> {
  const form = { operation: "secret.reveal", accountId: accounts.glass, purpose: "account-email-change", ticket: "INC-8" } as const;
  return vault.requests.submit(rita, formOf({ ...form, breakGlass: true }));
}
