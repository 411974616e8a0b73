// Forgeries with the pages themselves kept from leaving.
import { edit, type Forgery } from "./forgery.js";
import { openHeld } from "./uses.js";

const MUTE = `CREATE FUNCTION notices.mute() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
  CREATE TRIGGER mute BEFORE INSERT ON notices.notice FOR EACH ROW EXECUTE FUNCTION notices.mute()`;

export const ON_PAGES: readonly Forgery[] = [
  {
    id: "F88",
    name: "a grant ends a day later, and the outbox forgets every notice",
    tables: ["approvals.access_grant"],
    make: async (scene) => {
      await edit("approvals.access_grant", ({ grants }) => grants.held, "expires_at = expires_at + interval '1 day'")(scene);
      await scene.owner.run(MUTE);
    },
    undo: ({ owner }) => owner.run("DROP FUNCTION notices.mute() CASCADE"),
    rows: ({ grants }) => [`access_grant/${grants.held}`],
    ...{ use: openHeld, answer: "ROW_REFUSED", heard: "at use", action: "request.opened" },
  },
];
