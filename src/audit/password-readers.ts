/** What is read of an entry. */
export interface ReadingEntry {
  readonly action: string;
  readonly outcome: string;
  readonly actor?: { readonly type: string; readonly id?: string };
  readonly target?: { readonly type: string; readonly id: string };
  readonly stream?: string;
}

/**
 * Who opened which password, by the intents in the log. A grant says so too, until somebody deletes its row; an entry stays, and one that somebody
 * else appended can only name more people.
 *
 * Memory grows with the number of passwords opened, by about 150 bytes each.
 */
export class PasswordReaders {
  readonly #byAccount = new Map<string, Map<string, Set<string>>>();

  take({ action, outcome, actor, target, stream }: ReadingEntry): void {
    if (action !== "secret.reveal" || outcome !== "intent" || stream === undefined || target === undefined) return;
    const versions = this.#byAccount.get(stream) ?? new Map<string, Set<string>>();
    this.#byAccount.set(stream, versions);
    versions.set(target.id, (versions.get(target.id) ?? new Set<string>()).add(actor?.id ?? ""));
  }

  /** Ids of everybody who opened this version of the account's, or, where none is named, any. */
  of(account: string, version: string | null): ReadonlySet<string> {
    const versions = this.#byAccount.get(account);
    if (version !== null) return versions?.get(version) ?? new Set();
    return new Set([...(versions?.values() ?? [])].flatMap((people) => [...people]));
  }
}
