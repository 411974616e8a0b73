/** What is read of an entry. */
export interface ReadingEntry {
  readonly time: string;
  readonly action: string;
  readonly outcome: string;
  readonly actor?: { readonly type: string; readonly id?: string };
  readonly target?: { readonly type: string; readonly id: string };
  readonly stream?: string;
}

/** Who opened one password, and when last. */
interface Readings {
  readonly people: Set<string>;
  lastTime: string;
}

/**
 * Who opened which password, by the intents in the log. A grant says so too, until somebody deletes its row; an entry stays, and one that somebody
 * else appended can only name more people.
 *
 * Memory grows with the number of passwords opened, by about 200 bytes each.
 */
export class PasswordReaders {
  readonly #byAccount = new Map<string, Map<string, Readings>>();

  take({ action, outcome, time, actor, target, stream }: ReadingEntry): void {
    if (action !== "secret.reveal" || outcome !== "intent" || stream === undefined || target === undefined) return;
    const versions = this.#byAccount.get(stream) ?? new Map<string, Readings>();
    this.#byAccount.set(stream, versions);
    const readings = versions.get(target.id) ?? { people: new Set<string>(), lastTime: time };
    versions.set(target.id, readings);
    readings.people.add(actor?.id ?? "");
    readings.lastTime = time;
  }

  /** Ids of everybody who opened this version of the account's, or, where none is named, any. */
  of(account: string, version: string | null): ReadonlySet<string> {
    const versions = this.#byAccount.get(account);
    if (version !== null) return versions?.get(version)?.people ?? new Set();
    return new Set([...(versions?.values() ?? [])].flatMap(({ people }) => [...people]));
  }

  /** When this version of the account's was opened last, RFC 3339; null if never. */
  openedAt(account: string, version: string): string | null {
    return this.#byAccount.get(account)?.get(version)?.lastTime ?? null;
  }
}
