import { setImmediate } from "node:timers/promises";
import type { DataSource } from "typeorm";
import type { DataKeys, WrapPlace } from "../keys/data-keys.service.js";
import type { KeyService } from "../keys/keys.service.js";

const PERIOD_MS = 3_600_000;
const PAGE = 500;

/**
 * Data keys that have wraps for the escrow quorum, none of which is ours. Whoever owns the database can put a row there for a key that waits,
 * or change one that was good: that it is there says nothing [ES-10]. Every wrap's mark is looked at when a process starts and hourly, and
 * each minute as long as there is such a key.
 */
export class ForeignWraps {
  #ids: ReadonlySet<string> = new Set();
  #lookAt = -Infinity;

  constructor(
    private readonly dataSource: DataSource,
    private readonly keys: Pick<KeyService, "isOwnEscrow">,
    private readonly dataKeys: DataKeys,
    private readonly elapsedMs: () => number,
  ) {}

  /** Ids of the keys, as of the last look. */
  get ids(): ReadonlySet<string> {
    return this.#ids;
  }

  /** Takes a key off the list: it was wrapped. */
  forget(id: string): void {
    this.#ids = new Set([...this.#ids].filter((other) => other !== id));
  }

  /** Looks at every wrap to `recipient`, when it is time. */
  async look(recipient: string): Promise<void> {
    if (this.#ids.size === 0 && this.elapsedMs() < this.#lookAt) return;
    const [seen, own] = [new Set<string>(), new Set<string>()];
    for (let after: WrapPlace | null = null; ; ) {
      const wraps = await this.dataKeys.listWraps(this.dataSource.manager, recipient, after, PAGE);
      for (const wrap of wraps) (this.keys.isOwnEscrow(wrap) ? own : seen).add(wrap.dataKeyId);
      after = wraps.at(-1) ?? null;
      if (after === null) break;
      // People are answered between two pages.
      await setImmediate();
    }
    this.#ids = new Set([...seen].filter((id) => !own.has(id)));
    this.#lookAt = this.elapsedMs() + PERIOD_MS;
  }
}
