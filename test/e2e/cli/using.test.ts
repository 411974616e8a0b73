// real: the command line at a terminal, the service as a program, PostgreSQL, HTTP, files; double: nothing.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Answer } from "../../../src/cli/answer.js";
import { COMMANDS } from "../../../src/cli/commands.js";
import { Secret } from "../../../src/kernel/secret.js";
import { PageNames, type PageStep, readConsolePage } from "../../support/console-page.js";
import { allow, type Crew, found, Member } from "../../support/crew.js";
import { Program, removeHome } from "../../support/program.js";
import { NO_TERMINAL, runAtTerminal, type Shown } from "../../support/terminal.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "..");
const PAGE = readConsolePage(readFileSync(join(root, "docs", "using.md"), "utf8"));
const TRIES = 5;

/** The first words of `words` that name a command. */
function commandOf(words: readonly string[]): string | undefined {
  const command = COMMANDS.find((row) => row.words.every((word, index) => words[index + 1] === word));
  return command?.words.join(" ");
}

describe("docs/using.md", () => {
  it("runs every command that it names, and none that there is not", () => {
    const run = new Set(PAGE.steps.map(({ words }) => commandOf(words)));
    assert.ok(!run.has(undefined));
    for (const text of PAGE.mentioned) assert.ok(run.has(commandOf(text.split(" "))), text);
  });

  describe("typed from the first command to the last", { skip: NO_TERMINAL }, () => {
    const names = new PageNames(PAGE.names);
    let parent = "";
    let desk = "";
    let service: Program;
    let crew: Crew;
    let people: Readonly<Record<string, Member>>;

    // The page begins where docs/first-steps.md ends: three custodians, of whom one may approve and one audit, each signed in.
    before(async () => {
      parent = await mkdtemp(join(tmpdir(), "rootkeep-e2e-"));
      desk = join(parent, "desk");
      await mkdir(desk);
      await symlink(join(root, "docs"), join(desk, "docs"));
      // With the brake that a trial has; only the time steps are shorter.
      const environment = { ROOTKEEP_BRAKE_PERSON: null, ROOTKEEP_BRAKE_DEPLOYMENT: null };
      service = await Program.start({ directory: join(parent, "data"), environment });
      crew = await found(service.address, await service.invitations());
      await allow(crew.ada, crew.cyd, crew.ben, "approver");
      await allow(crew.ada, crew.ben, crew.cyd, "auditor");
      const you = new Member("Rae Example", service.address);
      people = { custodian: crew.ada, second: crew.cyd, approver: crew.ben, auditor: crew.cyd, you };
      for (const member of Object.values(crew)) {
        const ended = await type(member, ["login", "--email", member.email]);
        assert.equal(ended.status, 0, ended.text);
      }
    });
    after(async () => {
      await (service as Program | undefined)?.kill();
      await removeHome(join(parent, "data"));
      await rm(parent, { recursive: true, force: true });
    });

    const answers: Readonly<Record<string, (member: Member) => Promise<string> | string>> = {
      Password: ({ password }) => password,
      "New password": ({ password }) => password,
      "Invitation token": () => names.valueOf("TOKEN"),
      "Invitation code": () => names.valueOf("CODE"),
    };
    /** Runs a command as a person types it; again with a newer code where a busy machine was too late with one. */
    async function type(member: Member, argv: readonly string[]): Promise<Shown> {
      const environment = {
        ROOTKEEP_ADDRESS: service.address,
        ROOTKEEP_SESSION_FILE: join(parent, `${member.email}.session`),
      };
      for (let tries = 1; ; tries++) {
        const ended = await runAtTerminal(argv, { cwd: desk, environment }, async (label) => {
          if (label.startsWith("Authenticator code")) return await member.code();
          const answer = answers[label];
          if (answer === undefined) throw new Error(`nobody knows what to type at "${label}"`);
          return await answer(member);
        });
        if (!/refused: (?:STEP_UP_REQUIRED|UNAUTHENTICATED)/.test(ended.text) || tries === TRIES) return ended;
      }
    }
    async function run({ who, words, shown, status }: PageStep): Promise<void> {
      const member = people[who];
      assert.ok(member !== undefined, `nobody is ${who}`);
      const ended = await type(member, names.filled(words.slice(1)));
      names.take(shown, ended.text);
      assert.equal(ended.status, status, ended.text);
      // What an authenticator app does with the address that is shown once.
      if (commandOf(words) === "people accept") {
        member.enrolAuthenticator({
          secret: Secret.of(names.valueOf("URI")),
          answer: new Answer({ personId: names.valueOf("PERSON") }),
          receipt: null,
        });
      }
    }

    for (const step of PAGE.steps) {
      it(`line ${String(step.line)}: ${step.who}$ ${step.words.join(" ")}`, async () => {
        await run(step);
      });
    }
  });
});
