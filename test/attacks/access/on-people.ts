// Forgeries of who people are and what they may: standing, allowlist, teams, authenticators, identities, sessions, invitations.
import { newId } from "../../../src/kernel/ids.js";
import { unusedCode } from "../../support/act-code.js";
import type { Vault } from "../../support/vault.js";
import { copied, edit, exchanged, type Forgery, remove } from "./forgery.js";
import type { Scene } from "./scene.js";
import { askBeyond, openHeld } from "./uses.js";

const ALLOWED = "people.allowlist_entry";
const AUTHENTICATORS = "people.authenticator";
const SESSIONS = "people.session";
const IDENTITIES = "people.identity";
const FORGED = { entry: newId("allowlist"), session: newId("session") };
const FOREVER = "timestamptz '2100-01-01'";

const approveAsMal = async ({ mal, requests }: Scene, vault: Vault): Promise<unknown> =>
  vault.requests.approve(mal, requests.own, await unusedCode(mal), "");
const totp = (scene: Scene, who: "rita" | "alan" | "mal"): string => scene.id(`authenticator totp ${scene[who].personId}`);
const asking = (scene: Scene): string => scene.id(`allowlist_entry requester ${scene.mal.personId}`);
const atWork = ({ ritaAtWork }: Scene, { people }: Vault): Promise<unknown> => people.sessions.authenticate(ritaAtWork.token);
const atUse = { answer: "ROW_REFUSED", heard: "at use" } as const;

export const ON_PEOPLE: readonly Forgery[] = [
  {
    id: "F32",
    name: "an allowlist entry gives a higher role",
    tables: [ALLOWED],
    make: edit(ALLOWED, asking, "role = 'approver', scope = '{\"kind\":\"all\"}'"),
    rows: (scene) => [`allowlist_entry/${asking(scene)}`],
    ...{ use: approveAsMal, ...atUse, action: "allowlist.grant" },
  },
  {
    id: "F33",
    name: "an allowlist entry reaches all accounts",
    tables: [ALLOWED],
    make: edit(ALLOWED, asking, 'scope = \'{"kind":"all"}\''),
    rows: (scene) => [`allowlist_entry/${asking(scene)}`],
    ...{ use: askBeyond, ...atUse, action: "allowlist.grant" },
  },
  {
    id: "F34",
    name: "an allowlist entry ends never",
    tables: [ALLOWED],
    make: edit(ALLOWED, asking, `valid_to = ${FOREVER}`),
    rows: (scene) => [`allowlist_entry/${asking(scene)}`],
    ...{ use: askBeyond, ...atUse, action: "allowlist.grant" },
  },
  {
    id: "F35",
    name: "an allowlist entry that was ended is open",
    tables: [ALLOWED],
    make: edit(ALLOWED, ({ id, mal }) => id(`allowlist_entry approver ${mal.personId}`), "ended_at = NULL"),
    older: ({ older }) => older.entry.putBack(),
    rows: ({ id, mal }) => [`allowlist_entry/${id(`allowlist_entry approver ${mal.personId}`)}`],
    ...{ use: approveAsMal, ...atUse, action: "allowlist.grant" },
  },
  {
    id: "F36",
    name: "an allowlist entry that nobody gave",
    tables: [ALLOWED],
    make: copied(
      ALLOWED,
      ({ id, alan }) => id(`allowlist_entry approver ${alan.personId}`),
      ({ mal }) => ({ id: FORGED.entry, person_id: mal.personId }),
    ),
    rows: () => [`allowlist_entry/${FORGED.entry}`],
    ...{ use: approveAsMal, ...atUse, action: "allowlist.grant" },
  },
  {
    id: "F37",
    name: "an allowlist entry is deleted",
    tables: [ALLOWED],
    make: remove(ALLOWED, ({ id, alan }) => id(`allowlist_entry approver ${alan.personId}`)),
    rows: ({ id, alan }) => [`allowlist_entry/${id(`allowlist_entry approver ${alan.personId}`)}`],
    ...{ use: openHeld, answer: "APPROVAL_REQUIRED", heard: "by the watch", action: "allowlist.revoke" },
  },
  {
    id: "F38",
    name: "who was suspended is active, and signs in",
    tables: ["people.person"],
    make: edit("people.person", ({ sue }) => sue.personId, "state = 'ACTIVE'"),
    older: ({ older }) => older.suspended.putBack(),
    rows: ({ sue }) => [`person/${sue.personId}`],
    use: ({ sue }, vault) => vault.signIn(sue.email, sue.app, 1),
    ...{ ...atUse, action: "person.restore" },
  },
  {
    id: "F39",
    name: "who was suspended is active, and their session has not ended",
    tables: ["people.person", SESSIONS],
    make: async (scene) => {
      await edit("people.person", ({ sue }) => sue.personId, "state = 'ACTIVE'")(scene);
      await edit(SESSIONS, ({ sue }) => sue.sessionId, "ended_at = NULL")(scene);
    },
    rows: ({ sue }) => [`person/${sue.personId}`, `session/${sue.sessionId}`],
    use: ({ sue }, { people }) => people.sessions.authenticate(sue.token),
    ...{ ...atUse, action: "person.restore" },
  },
  {
    id: "F40",
    name: "a person is of another team",
    tables: ["people.person_team"],
    make: edit("people.person_team", ({ alan }) => alan.personId, "team = 'security'"),
    rows: ({ alan }) => [`person_team/${alan.personId}`],
    use: async ({ alan, requests }, vault) => vault.requests.approve(alan, requests.apart, await unusedCode(alan), ""),
    ...{ ...atUse, action: "person.team" },
  },
  {
    id: "F41",
    name: "an authenticator is re-pointed: the insider's codes are the holder's",
    tables: [AUTHENTICATORS],
    make: edit(
      AUTHENTICATORS,
      (scene) => totp(scene, "mal"),
      ({ rita }) => `person_id = '${rita.personId}'`,
    ),
    rows: (scene) => [`authenticator/${totp(scene, "mal")}`],
    use: async ({ rita, mal, grants }, { reveals }) => reveals.reveal(rita, grants.held, "root-password", await unusedCode(mal)),
    ...{ ...atUse, action: "authenticator.reset" },
  },
  {
    id: "F42",
    name: "the sealed seeds of two authenticators are exchanged",
    tables: [AUTHENTICATORS],
    make: (scene) =>
      exchanged(
        AUTHENTICATORS,
        (one) => totp(one, "rita"),
        (one) => totp(one, "mal"),
        ["sealed", "data_key_id"],
      )(scene),
    rows: (scene) => [`authenticator/${totp(scene, "rita")}`, `authenticator/${totp(scene, "mal")}`],
    use: async ({ rita, mal, grants }, { reveals }) => reveals.reveal(rita, grants.held, "root-password", await unusedCode(mal)),
    ...{ ...atUse, action: "authenticator.reset" },
  },
  {
    id: "F43",
    name: "an authenticator's last step is turned back, for a code that was seen",
    tables: [AUTHENTICATORS],
    make: edit(AUTHENTICATORS, (scene) => totp(scene, "alan"), "last_step = last_step - 1000"),
    older: ({ older }) => older.step.putBack(),
    rows: (scene) => [`authenticator/${totp(scene, "alan")}`],
    use: async ({ alan, requests }, vault) => vault.requests.approve(alan, requests.suspended, await unusedCode(alan), ""),
    ...{ ...atUse, action: "request.approve" },
  },
  {
    id: "F44",
    name: "an authenticator is deleted",
    tables: [AUTHENTICATORS],
    make: remove(AUTHENTICATORS, (scene) => totp(scene, "rita")),
    rows: (scene) => [`authenticator/${totp(scene, "rita")}`],
    ...{ use: openHeld, answer: "STEP_UP_REQUIRED", heard: "by the watch", action: "authenticator.reset" },
  },
  {
    id: "F45",
    name: "an identity at the provider is re-pointed to another person",
    tables: [IDENTITIES],
    make: edit(
      IDENTITIES,
      ({ id, rita }) => id(`identity ${rita.personId}`),
      ({ otto }) => `person_id = '${otto.personId}'`,
    ),
    rows: ({ id, rita }) => [`identity/${id(`identity ${rita.personId}`)}`],
    ...{ use: atWork, ...atUse, action: "identity.accept" },
  },
  {
    id: "F46",
    name: "an identity's subject is another's: who signs in there is somebody else here",
    tables: [IDENTITIES],
    make: edit(IDENTITIES, ({ id, rita }) => id(`identity ${rita.personId}`), "subject = 'mal-at-work'"),
    rows: ({ id, rita }) => [`identity/${id(`identity ${rita.personId}`)}`],
    use: async ({ provider, rita }, { people }) => {
      const { loginToken, authorizationUrl } = await people.provider.signIn.begin("sign-in");
      const response = await provider.visit(authorizationUrl, "mal-at-work");
      return await people.provider.signIn.complete({ loginToken, response }, await unusedCode(rita), "127.0.0.1");
    },
    ...{ ...atUse, action: "identity.accept" },
  },
  {
    id: "F47",
    name: "an identity's issuer is another provider",
    tables: [IDENTITIES],
    make: edit(IDENTITIES, ({ id, rita }) => id(`identity ${rita.personId}`), "issuer = 'https://elsewhere.example.com'"),
    rows: ({ id, rita }) => [`identity/${id(`identity ${rita.personId}`)}`],
    ...{ use: atWork, ...atUse, action: "identity.accept" },
  },
  {
    id: "F48",
    name: "a provider's session was asked about just now",
    tables: ["people.provider_session"],
    make: ({ owner }) => owner.run("UPDATE people.provider_session SET checked_at = now() + interval '1 day'"),
    rows: ({ ritaAtWork }) => [`provider_session/${ritaAtWork.sessionId}`],
    use: ({ ritaAtWork }, { people }) => people.sessions.assertStandsAtProvider(ritaAtWork.sessionId),
    ...{ ...atUse, action: "session.create" },
  },
  {
    id: "F49",
    name: "a provider's session is deleted",
    tables: ["people.provider_session"],
    make: ({ owner }) => owner.run("DELETE FROM people.provider_session"),
    rows: () => [],
    use: ({ ritaAtWork }, { people }) => people.sessions.assertStandsAtProvider(ritaAtWork.sessionId),
    ...{ answer: "UNAUTHENTICATED", heard: "by nobody", action: "session.create" },
  },
  {
    id: "F50",
    name: "a session that nobody opened: the insider's token is a custodian's",
    tables: [SESSIONS],
    make: async (scene) => {
      const { owner, mal, ada } = scene;
      const [row] = await owner.rows<{ hash: string }>(`SELECT token_hash::text AS hash FROM ${SESSIONS} WHERE id = $1`, [mal.sessionId]);
      await remove(SESSIONS, () => mal.sessionId)(scene);
      await copied(
        SESSIONS,
        () => ada.sessionId,
        () => ({ id: FORGED.session, token_hash: row?.hash ?? "" }),
      )(scene);
    },
    rows: () => [`session/${FORGED.session}`],
    use: ({ mal }, { people }) => people.sessions.authenticate(mal.token),
    ...{ ...atUse, action: "session.create" },
  },
  {
    id: "F51",
    name: "a session is another person's",
    tables: [SESSIONS],
    make: edit(
      SESSIONS,
      ({ mal }) => mal.sessionId,
      ({ rita }) => `person_id = '${rita.personId}'`,
    ),
    rows: ({ mal }) => [`session/${mal.sessionId}`],
    use: async ({ mal, rita, grants }, { reveals }) =>
      reveals.reveal({ personId: rita.personId, sessionId: mal.sessionId }, grants.held, "root-password", await unusedCode(rita)),
    ...{ ...atUse, action: "session.create" },
  },
  {
    id: "F52",
    name: "a session that was ended has not",
    tables: [SESSIONS],
    make: ({ owner, rita }) => owner.run(`UPDATE ${SESSIONS} SET ended_at = NULL WHERE person_id = $1`, [rita.personId]),
    older: ({ older }) => older.session.putBack(),
    rows: (scene) => [`session/${scene.endedSession}`],
    use: ({ endedToken }, { people }) => people.sessions.authenticate(endedToken),
    ...{ ...atUse, action: "session.create" },
  },
  {
    id: "F53",
    name: "an invitation was approved by who asked: one custodian takes both halves",
    tables: ["people.invitation"],
    make: edit(
      "people.invitation",
      ({ id, requests }) => id(`invitation ${requests.invited}`),
      ({ ada }) => `approved_by = '${ada.personId}'`,
    ),
    rows: ({ id, requests }) => [`invitation/${id(`invitation ${requests.invited}`)}`],
    use: async ({ ada, requests }, { people }) => people.halves.takeCode(requests.invited, ada, await unusedCode(ada)),
    ...{ ...atUse, action: "invitation.code" },
  },
];
