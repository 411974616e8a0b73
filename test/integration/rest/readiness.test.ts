import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { withClient } from "../../support/postgres.js";
import { type RestApp, startRestApp } from "../../support/rest-app.js";

// real: the application, HTTP, PostgreSQL. double: none.
describe("GET /readyz", () => {
  let app: RestApp;
  before(async () => {
    app = await startRestApp();
  });
  after(() => app.close());

  it("takes no connection for each caller, however many there are, and has an answer for all of them", async () => {
    await withClient(app.database.superuser, async (watcher) => {
      const connections = async (): Promise<number> =>
        (await watcher.query<{ n: number }>("SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = 'rootkeep_service'")).rows[0]!
          .n;
      await (await fetch(`${app.address}/readyz`)).text();
      const quiet = await connections();
      let isOver = false;
      const asking = Array.from({ length: 100 }, async () => {
        let answers = 0;
        while (!isOver) {
          const answer = await fetch(`${app.address}/readyz`);
          await answer.text();
          assert.equal(answer.status, 200);
          answers += 1;
        }
        return answers;
      });
      let most = 0;
      for (let look = 0; look < 60; look++) {
        most = Math.max(most, await connections());
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
      isOver = true;
      const answers = await Promise.all(asking);
      assert.equal(
        answers.every((count) => count > 0),
        true,
      );
      // What heartbeat, pool and guard may open meanwhile by themselves, not what 100 callers would.
      assert.ok(most <= quiet + 4, `${String(most)} connections, ${String(quiet)} before`);
    });
  });
});
