import { randomBytes } from "node:crypto";
import { RootkeepError } from "../kernel/errors.js";
import { isOfNow } from "../people/acting-person.service.js";
import type { TakingStatementPort } from "../people/taking-statement.port.js";
import { Request } from "./request.entity.js";
import { parseRequest, statementText } from "./request-body.js";

/** What a custodian's second factor confirms when they take the link or the code of an invitation [AS-6]. */
export const TAKING_STATEMENT: TakingStatementPort = {
  async statementOf(tx, { requestId, invitation, half, person, authenticator, since }) {
    const request = await tx.read(Request, requestId);
    if (request === null) throw new RootkeepError("ROW_REFUSED", { reason: "invitation without a request" });
    // Who asked or approved, left, and came back has nothing of before, this half neither: it has to be asked for and approved anew.
    if (!isOfNow(tx, request, since)) {
      throw new RootkeepError("APPROVAL_EXPIRED", { facts: { rule: "what you had ended after it was approved" } });
    }
    // A hash of other words would bind to nothing that anybody approved (law L3).
    parseRequest(request.body, request.hash);
    return statementText({
      act: "take",
      requestHash: request.hash.toString("hex"),
      person,
      authenticator,
      challenge: randomBytes(32).toString("hex"),
      taking: { invitation, half },
    });
  },
};
