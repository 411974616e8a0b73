import { Injectable } from "@nestjs/common";
import { draftEntry, personActor } from "../audit/draft.js";
import type { EntryTarget } from "../audit/entry.js";
import { ERRORS, isRootkeepError } from "../kernel/errors.js";
import { ID_PREFIXES, type IdKind, isId } from "../kernel/ids.js";
import { type Operation, ruleOf } from "../kernel/operations.js";
import { RefusalLog } from "./edge.port.js";
import type { EdgeRequest } from "./edge-request.js";

/** Operations whose refusals are told although they neither are guarded, nor step up, nor release. */
const ALSO_TOLD: ReadonlySet<Operation> = new Set(["request.submit", "request.deny", "account.import", "account.register"]);

/**
 * Statuses that say "you may not", as opposed to "you asked for nothing sensible" and "we cannot now". A refusal by an outage (`TICKETS_UNAVAILABLE`,
 * `KEY_UNAVAILABLE`) judges nobody and is tried again and again: it is counted and logged for operators, and makes no entry.
 */
const TOLD_STATUSES: ReadonlySet<number> = new Set([401, 403, 409]);

/** What an entry calls a thing whose name differs from that of its ids. */
const TARGET_NAMES: Partial<Record<IdKind, string>> = { allowlist: "allowlist-entry", version: "secret-version", dataKey: "data-key" };

/** Writes down who was refused what, where the operation is one that an auditor asks about. */
@Injectable()
export class Refusals {
  constructor(private readonly log: RefusalLog) {}

  /**
   * Records the refusal `error` of `request` as a `denied` entry, if it is to be told. Only signed-in people are: an outsider must not be
   * able to write into the log at will. Never throws; a refusal that cannot be recorded stays a refusal, and the log raises its own alarm.
   */
  async record(request: EdgeRequest, error: unknown): Promise<void> {
    const { operation, caller } = request;
    if (operation === undefined || caller?.type !== "person" || !isRootkeepError(error) || !isTold(operation, error.code)) return;
    const target = targetOf(request.params);
    const draft = draftEntry({
      action: operation,
      outcome: "denied",
      actor: personActor(caller.personId),
      ...(target === undefined ? {} : { target }),
      details: { code: error.code, session: caller.sessionId },
    });
    try {
      await this.log.record(draft);
    } catch {
      // The caller's answer is the refusal all the same. That the log cannot be written stops every act by itself (law L1).
      return;
    }
  }
}

/** True if a refusal of `operation` with `code` belongs into the log. */
export function isTold(operation: Operation, code: keyof typeof ERRORS): boolean {
  const { guarded, stepUp, releases } = ruleOf(operation);
  return TOLD_STATUSES.has(ERRORS[code].http) && (guarded || stepUp || releases || ALSO_TOLD.has(operation));
}

/** The thing that the path names, if it has the form of an id of ours: nothing else of a path may enter the log. */
function targetOf(params: unknown): EntryTarget | undefined {
  const id = (params as Readonly<Record<string, unknown>> | undefined)?.["id"];
  const kind = (Object.keys(ID_PREFIXES) as IdKind[]).find((candidate) => isId(candidate, id));
  return kind === undefined ? undefined : { type: TARGET_NAMES[kind] ?? kind, id: id as string };
}
