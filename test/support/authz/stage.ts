// The application, everybody who stands in some relation to something, and the things themselves, kept until a call uses one up.
import { ROLES, type Role } from "../../../src/kernel/operations.js";
import { importAccounts, importFile, newAccount } from "../crew.js";
import { beatAsReplica } from "../other-replica.js";
import { type RestApp, startRestApp } from "../rest-app.js";
import { must, send } from "./caller.js";
import { type Actor, Seeds } from "./people.js";
import {
  type Circle,
  CUSTODIANS_ACTS,
  type CustodiansAct,
  LEAVERS,
  type Leaver,
  PARTIES,
  PARTS,
  type Party,
  type Relation,
  type Target,
  type TargetKind,
} from "./relation.js";
import { Targets } from "./targets.js";

const ACCOUNTS = 115;
const STEP_SECONDS = 60;
const ELSEWHERE = "Elsewhere";
const CIRCLES = Object.keys(PARTS) as readonly Circle[];
const ACTS = Object.keys(CUSTODIANS_ACTS) as readonly CustodiansAct[];

/** What leavers took part in while they could. */
const LEFT_BEHIND: readonly (readonly [Circle, TargetKind, Party])[] = [
  ["opening", "request", "asked"],
  ["opening", "request", "approver"],
  ["opening", "grant", "asked"],
  ["opening", "grant", "approver"],
  ["opening", "shown candidate", "asked"],
  ["opening", "request of verdict", "asked"],
  ["opening", "ticket", "asked"],
  ["opening", "general ticket", "asked"],
  ["custodians", "invitation", "asked"],
  ["custodians", "invitation", "approver"],
  ...ACTS.map((act) => ["custodians", `request of ${act}`, "asked"] as const),
];

/** Which thing a cell is about. */
export interface Subject {
  readonly kind: TargetKind;
  readonly circle: Circle;
  readonly role: Role;
  readonly relation: Relation;
  /** What a leaver was to it. */
  readonly leaver: Party | null;
}

export class Stage {
  readonly #actors = new Map<string, Actor>();
  readonly #targets = new Map<string, Target>();

  private constructor(
    readonly rest: RestApp,
    readonly size: number,
    private readonly seeds: Seeds,
    private readonly targets: Targets,
    private readonly chief: Actor,
  ) {}

  static async open(environment: Readonly<Record<string, string>>): Promise<Stage> {
    // Whoever opens what is to be burnt opens more than anybody would.
    const rest = await startRestApp({
      ROOTKEEP_BRAKE_PERSON: "1000",
      ROOTKEEP_BRAKE_DEPLOYMENT: "1000",
      // A code is good for longer than any call can take, so that none is refused for being late.
      ROOTKEEP_TRIAL_TOTP_PERIOD_SECONDS: String(STEP_SECONDS),
      ...environment,
    });
    try {
      return await Stage.#set(rest);
    } catch (error) {
      // Its connections would keep the test's program from ending.
      await rest.close();
      throw error;
    }
  }

  static async #set(rest: RestApp): Promise<Stage> {
    const { ada } = await rest.found();
    const accounts = Array.from({ length: ACCOUNTS }, (_, index) => newAccount(String(310_000_000_000 + index)));
    const ids = await importAccounts(ada, [...accounts, newAccount("410000000000", ELSEWHERE)]);
    const seeds = new Seeds(rest, STEP_SECONDS);
    const chief = await seeds.person({ name: "Chief", roles: ["custodian", "auditor"] });
    const csv = importFile([newAccount("410000000001", ELSEWHERE)]);
    const { importId } = await must(rest.address, { verb: "POST", path: "/v1/imports", token: chief.token, csv });
    const size = await signedSize(rest, chief, ids[0] ?? "");
    // Nothing that anybody takes part in is about the other customer's account: whoever is outside would be inside.
    const stage = new Stage(rest, size, seeds, new Targets(rest, seeds, ids.slice(0, ACCOUNTS), String(importId)), chief);
    await Promise.all(ROLES.map((role) => stage.#cast(role)));
    // One after the other: each looks whether enough custodians are left, and two who look at one another's rows wait for nothing.
    for (const role of ROLES) await stage.#leaveBehind(role);
    return stage;
  }

  async close(): Promise<void> {
    await this.rest.close();
  }

  /** Who stands so. */
  actor(circle: Circle, role: Role, relation: Relation): Actor {
    const isApart = relation === "other" || relation === "outside";
    const actor = this.#actors.get(keyOf(isApart ? "none" : circle, role, relation));
    if (actor === undefined) throw new Error(`there is nobody who is ${role} ${circle} ${relation}`);
    return actor;
  }

  /** The thing, made now if there is none. */
  async target(subject: Subject): Promise<Target> {
    const key = this.#key(subject);
    const known = this.#targets.get(key);
    if (known !== undefined) return known;
    const { circle, role, relation } = subject;
    const parties = Object.fromEntries(PARTIES.map((party) => [party, this.#party(subject, party)])) as Record<Party, Actor | null>;
    const { asked, approver } = parties;
    // Things that nobody asks for have parties that nobody looks at.
    const anybody = this.actor(circle, role, "about");
    const isDone = relation === "approver";
    const made = await this.targets.make(subject.kind, {
      asked: asked ?? anybody,
      approver: approver ?? anybody,
      about: parties.about,
      isDone,
      // Nobody who left approves what they asked for, nor is what is only asked for done.
      isIdle: LEAVERS.some((name) => name === relation) || subject.kind.startsWith("subject"),
    });
    this.#targets.set(key, made);
    return made;
  }

  /** The thing was used up. @param isFree its account can be had again. */
  forget(subject: Subject, isFree: boolean): void {
    const key = this.#key(subject);
    const target = this.#targets.get(key);
    if (isFree && target !== undefined) this.targets.free(target);
    this.#targets.delete(key);
  }

  #key({ kind, circle, role, relation, leaver }: Subject): string {
    const isLeaver = LEAVERS.some((name) => name === relation);
    if (isLeaver && leaver !== null) return keyOf(kind, circle, role, relation, leaver);
    // Acts about a person are about another one where that person tries; one that is approved already is none for the others to approve.
    const isOwn = relation === "about" && ownKind(kind);
    const isDone = relation === "approver" && kind.startsWith("request of");
    return keyOf(kind, circle, role, isOwn ? "about" : isDone ? "done" : "common");
  }

  #party({ kind, circle, role, relation, leaver }: Subject, party: Party): Actor | null {
    if (party === "about" && ownKind(kind) && relation !== "about") return null;
    if (leaver === party && LEAVERS.some((name) => name === relation)) return this.actor(circle, role, relation);
    return this.#actors.get(keyOf(circle, role, party)) ?? null;
  }

  async #cast(role: Role): Promise<void> {
    const write = async (circle: Circle, relation: Relation, parts: readonly Role[]): Promise<void> => {
      const scope = relation === "outside" ? ({ kind: "customer", values: [ELSEWHERE] } as const) : ({ kind: "all" } as const);
      const roles = [...new Set([role, ...parts])];
      const use = relation === "approver" || relation === "other" ? "busy" : "acting";
      this.#actors.set(keyOf(circle, role, relation), await this.seeds.person({ name: `${role} ${relation}`, roles, scope, use }));
    };
    for (const circle of CIRCLES) {
      for (const party of PARTIES) {
        const parts = PARTS[circle][party];
        if (parts !== null) await write(circle, party, parts);
      }
      for (const leaver of LEAVERS) await write(circle, leaver, PARTS[circle].leaver);
    }
    for (const relation of ["other", "outside"] as const) await write("none", relation, []);
    for (const [circle, kind, leaver] of LEFT_BEHIND) {
      for (const relation of LEAVERS) await this.target({ kind, circle, role, relation, leaver });
    }
  }

  async #leaveBehind(role: Role): Promise<void> {
    for (const circle of CIRCLES) for (const leaver of LEAVERS) await this.#leave(circle, role, leaver);
    // The grants of those who opened ended with that; those that they only approved did not.
    for (const relation of LEAVERS) {
      this.targets.free(await this.target({ kind: "grant", circle: "opening", role, relation, leaver: "asked" }));
    }
  }

  async #leave(circle: Circle, role: Role, relation: Leaver): Promise<void> {
    const actor = this.actor(circle, role, relation);
    const { personId, entryIds } = actor;
    const post = (path: string): Promise<unknown> => must(this.rest.address, { verb: "POST", path, token: this.chief.token });
    if (relation === "suspended") {
      await post(`/v1/people/${personId}/suspensions`);
      return;
    }
    for (const entryId of entryIds) await post(`/v1/allowlist/${entryId}/revocations`);
    const again = relation === "back" ? await this.seeds.allow(personId, [...new Set([role, ...PARTS[circle].leaver])]) : [];
    this.#actors.set(keyOf(circle, role, relation), { ...actor, entryIds: again, ...(await this.seeds.session(personId)) });
  }
}

function ownKind(kind: TargetKind): boolean {
  return kind === "person" || kind.includes(" of ");
}

function keyOf(...parts: readonly string[]): string {
  return parts.join("/");
}

/** Waits until the log is signed and the account's own chain proven. @returns a size that has a checkpoint. */
async function signedSize(rest: RestApp, { token }: Actor, accountId: string): Promise<number> {
  // Whether or not the service's own is due: it may have written one before there was the account.
  const { database, config } = rest;
  await beatAsReplica(database.connections.rootkeep_service, config.logOrigin, config.deployment);
  for (const deadline = performance.now() + 120_000; performance.now() < deadline; ) {
    const { status, body } = await send(rest.address, { verb: "GET", path: `/v1/audit/accounts/${accountId}/head`, token });
    if (status === 200) return Number(body["size"]);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("the log is not signed");
}
