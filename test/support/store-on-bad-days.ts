import { createSecondStore } from "../../src/secrets/create-second-store.service.js";
import type { SecondStore } from "../../src/secrets/second-store.port.js";

/** A second store that can be away, and lets something happen right before a copy is put. */
export class StoreOnBadDays implements SecondStore {
  readonly calls: string[] = [];
  isAway = false;
  beforePut: () => Promise<void> = () => Promise.resolve();

  constructor(private readonly store: SecondStore) {}

  get uri(): string {
    return this.store.uri;
  }
  unfit(): Promise<string | null> {
    return this.#here("unfit").unfit();
  }
  async put(name: string, bytes: Buffer): Promise<void> {
    await this.beforePut();
    await this.#here("put").put(name, bytes);
  }
  async get(name: string): Promise<Buffer | null> {
    return await this.#here("get").get(name);
  }
  list(prefix: string): AsyncIterable<string> {
    return this.#here("list").list(prefix);
  }
  traces(prefix: string): AsyncIterable<string> {
    return this.#here("traces").traces(prefix);
  }
  async remove(name: string): Promise<void> {
    await this.#here("remove").remove(name);
  }

  #here(call: string): SecondStore {
    this.calls.push(call);
    return this.isAway ? createSecondStore("file:/nowhere/at/all") : this.store;
  }
}
