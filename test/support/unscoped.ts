// Reading that asks for no reader, for tests that look at what an act has left behind. The service has no such way: there whoever reads is named.
// What readers get is tested in test/integration/rest/scoped-reading.test.ts, test/integration/laws and test/policy.
import { AccountRegistry, type AccountRow, readAccount } from "../../src/accounts/account-registry.service.js";
import { AccessGrant } from "../../src/approvals/access-grant.entity.js";
import { AccessGrants } from "../../src/approvals/access-grants.service.js";
import { Glass } from "../../src/approvals/glass.service.js";
import { GlassUse } from "../../src/approvals/glass-use.entity.js";
import { Request } from "../../src/approvals/request.entity.js";
import { type RequestView, viewOf } from "../../src/approvals/request-view.service.js";
import { Requests } from "../../src/approvals/requests.service.js";
import type { DecidingRow } from "../../src/database/deciding-row.entity.js";
import { RootkeepError } from "../../src/kernel/errors.js";
import type { Id } from "../../src/kernel/ids.js";
import { Secrets, type SecretView, secretViews } from "../../src/secrets/secrets.service.js";

function found<R extends DecidingRow>(row: R | null): R {
  if (row === null) throw new RootkeepError("NOT_FOUND");
  return row;
}

/** The engine, and any request. */
export class WatchedRequests extends Requests {
  readonly #transactions: ConstructorParameters<typeof Requests>[0];

  constructor(...parts: ConstructorParameters<typeof Requests>) {
    super(...parts);
    [this.#transactions] = parts;
  }

  async read(requestId: Id<"request">): Promise<RequestView> {
    return await this.#transactions.peek(async (tx) => viewOf(tx, found(await tx.read(Request, requestId))));
  }
}

/** The engine, and any grant. */
export class WatchedGrants extends AccessGrants {
  readonly #transactions: ConstructorParameters<typeof AccessGrants>[0];

  constructor(...parts: ConstructorParameters<typeof AccessGrants>) {
    super(...parts);
    [this.#transactions] = parts;
  }

  async read(grantId: Id<"grant">): Promise<AccessGrant> {
    return await this.#transactions.peek(async (tx) => found(await tx.read(AccessGrant, grantId)));
  }
}

/** Break-glass, and every use of it. */
export class WatchedGlass extends Glass {
  readonly #transactions: ConstructorParameters<typeof Glass>[0];

  constructor(...parts: ConstructorParameters<typeof Glass>) {
    super(...parts);
    [this.#transactions] = parts;
  }

  async list(): Promise<GlassUse[]> {
    return await this.#transactions.peek((tx) => tx.readProven(GlassUse));
  }
}

/** What is kept, of any account. */
export class WatchedSecrets extends Secrets {
  readonly #parts: ConstructorParameters<typeof Secrets>;

  constructor(...parts: ConstructorParameters<typeof Secrets>) {
    super(...parts);
    this.#parts = parts;
  }

  async ofAccount(accountId: Id<"account">): Promise<SecretView[]> {
    const [transactions, log] = this.#parts;
    return await transactions.peek((tx) => secretViews(tx, log, accountId));
  }
}

/** The registry, and any account. */
export class WatchedAccounts extends AccountRegistry {
  readonly #transactions: ConstructorParameters<typeof AccountRegistry>[0];

  constructor(...parts: ConstructorParameters<typeof AccountRegistry>) {
    super(...parts);
    [this.#transactions] = parts;
  }

  async byId(accountId: Id<"account">): Promise<AccountRow> {
    return await this.#transactions.peek(async (tx) => found(await readAccount(tx, accountId)));
  }
}
