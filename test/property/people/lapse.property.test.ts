import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { plusSeconds } from "../../../src/kernel/clock.js";
import type { Role } from "../../../src/kernel/operations.js";
import {
  CUSTODIANS_MIN,
  custodianFloor,
  type DatedEntry,
  dueAt,
  givesRights,
  isOpen,
  LapseRule,
  standingAt,
} from "../../../src/people/lapse.js";

const PEOPLE = ["ada", "ben", "cyd", "dan", "eva"] as const;
type Name = (typeof PEOPLE)[number];
const DAY = 86_400;
const START = new Date("2026-01-01T00:00:00.000Z");

type Step =
  | { readonly act: "pass"; readonly days: number }
  | { readonly act: "grant"; readonly to: Name; readonly role: Role; readonly days: number }
  | { readonly act: "revoke" | "suspend" | "restore"; readonly whom: Name; readonly which: number }
  | { readonly act: "certify" | "forge" };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ act: fc.constant("pass" as const), days: fc.integer({ min: 1, max: 120 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      act: fc.constant("grant" as const),
      to: fc.constantFrom(...PEOPLE),
      role: fc.constantFrom<Role>("custodian", "approver"),
      days: fc.integer({ min: 1, max: 365 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      act: fc.constantFrom("revoke" as const, "suspend" as const, "restore" as const),
      whom: fc.constantFrom(...PEOPLE),
      which: fc.nat(5),
    }),
  },
  { weight: 2, arbitrary: fc.record({ act: fc.constantFrom("certify" as const, "certify" as const, "forge" as const) }) },
);

type Row = { -readonly [Field in keyof DatedEntry]: DatedEntry[Field] } & {
  /** What the model knows of it: the moments at which somebody vouched for it as it stands. */
  readonly vouched: Date[];
};

/** A deployment of which only people, allowlist and certificates are there; acts are refused as the services refuse them. */
class World extends LapseRule {
  readonly rows: Row[] = [];
  readonly suspended = new Set<string>();
  now = START;
  newest: { seq: number; at: Date } | null = null;
  #seq = 0;

  constructor(readonly periodSeconds: number) {
    super();
    for (const name of ["ada", "ben"]) this.#add(name, "custodian", 365, 1);
    this.#seq = 2;
  }

  #add(personId: string, role: Role, days: number, seq: number): void {
    const ids = { personId: personId as Row["personId"], role, seq: String(seq) };
    this.rows.push({ ...ids, validFrom: this.now, validTo: plusSeconds(this.now, days * DAY), endedAt: null, vouched: [this.now] });
  }

  isActive(personId: string): boolean {
    return !this.suspended.has(personId);
  }

  get floor(): number {
    const rows = this.rows.filter((row) => row.role === "custodian" && isOpen(row, this.now) && this.isActive(row.personId));
    return custodianFloor(rows, this, this.now);
  }

  rights(row: Row): boolean {
    return this.isActive(row.personId) && givesRights(standingAt(row, this, this.now, this.floor));
  }

  get custodians(): string[] {
    return [...new Set(this.rows.filter((row) => row.role === "custodian" && this.rights(row)).map(({ personId }) => personId))];
  }

  /** True if two custodians would be left without `whom`: what `assertCustodiansLeft` asks. */
  #mayGo(whom: string): boolean {
    return !this.custodians.includes(whom) || this.custodians.filter((id) => id !== whom).length >= CUSTODIANS_MIN;
  }

  take(taken: Step): void {
    this.#seq += 1;
    switch (taken.act) {
      case "pass":
        this.now = plusSeconds(this.now, taken.days * DAY);
        break;
      case "grant":
        this.#add(taken.to, taken.role, taken.days, this.#seq);
        break;
      case "revoke": {
        const open = this.rows.filter((row) => (row.personId as string) === taken.whom && row.endedAt === null);
        const row = open[taken.which % Math.max(1, open.length)];
        if (row === undefined || (row.role === "custodian" && !this.#mayGo(taken.whom))) break;
        Object.assign(row, { endedAt: this.now, seq: String(this.#seq) });
        break;
      }
      case "suspend":
        if (this.#mayGo(taken.whom)) this.suspended.add(taken.whom);
        break;
      case "restore":
        this.suspended.delete(taken.whom);
        break;
      case "certify":
        this.newest = { seq: this.#seq, at: this.now };
        for (const row of this.rows) row.vouched.push(this.now);
        break;
      case "forge":
        // Somebody else's entry is no certificate, and takes an older one with it.
        this.newest = null;
        for (const row of this.rows) row.vouched.splice(1);
    }
  }
}

describe("any history of grants, removals, certificates and time", () => {
  const history = fc.tuple(fc.integer({ min: 1, max: 120 }), fc.array(step, { maxLength: 40 }));
  const runs = { numRuns: 3_000 };
  const after = (check: (world: World) => void) =>
    fc.property(history, ([days, steps]) => {
      const world = new World(days * DAY);
      check(world);
      for (const taken of steps) {
        world.take(taken);
        check(world);
      }
    });

  it("never leaves fewer than two active custodians", () => {
    fc.assert(
      after((world) => {
        assert.ok(world.custodians.length >= CUSTODIANS_MIN, world.custodians.join());
      }),
      runs,
    );
  });

  it("gives no rights by an entry that nobody has vouched for within the period, or that is past its last day, but to a custodian when fewer than two are left", () => {
    fc.assert(
      after((world) => {
        const isFresh = (row: Row): boolean => {
          const isVouched = row.vouched.some((at) => at <= world.now && world.now < plusSeconds(at, world.periodSeconds));
          return row.endedAt === null && isVouched && world.now < row.validTo;
        };
        const fresh = world.rows.filter((row) => row.role === "custodian" && world.isActive(row.personId) && isFresh(row));
        const isEnough = new Set(fresh.map(({ personId }) => personId)).size >= CUSTODIANS_MIN;
        for (const row of world.rows) {
          if (!world.rights(row)) continue;
          assert.ok(isFresh(row) || (row.role === "custodian" && row.endedAt === null && !isEnough), JSON.stringify(row));
        }
      }),
      runs,
    );
  });

  it("keeps no custodian whom somebody vouched for longer ago than for one who is left out", () => {
    fc.assert(
      after((world) => {
        const open = world.rows.filter((row) => row.role === "custodian" && isOpen(row, world.now) && world.isActive(row.personId));
        const due = (row: Row): number => dueAt(row, world, world.now).getTime();
        const kept = open.filter((row) => world.rights(row)).map(due);
        const left = open.filter((row) => !world.rights(row)).map(due);
        if (left.length > 0) assert.ok(Math.max(...left) < Math.min(...kept));
      }),
      runs,
    );
  });

  it("gives back nothing by a certificate that the clock has not come to yet, or that is older than the row", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 400 }), fc.integer({ min: -400, max: 400 }), fc.integer({ min: 1, max: 9 }), (age, at, seq) => {
        const now = plusSeconds(START, age * DAY);
        const rule = { periodSeconds: 92 * DAY, newest: { seq: 5, at: plusSeconds(now, at * DAY) } };
        const entry = {
          seq: String(seq),
          personId: "per_x",
          role: "approver",
          validFrom: START,
          validTo: plusSeconds(START, 365 * DAY),
          endedAt: null,
        };
        const counts = standingAt(entry as DatedEntry, rule, now, Number.NEGATIVE_INFINITY) === "counts";
        const isCovered = seq < 5 && at <= 0 && at > -92;
        assert.equal(counts, age < 365 && (age < 92 || isCovered));
      }),
    );
  });
});
