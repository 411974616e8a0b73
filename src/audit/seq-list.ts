const ROOM_MIN = 8;

/**
 * Places in the log, in ascending order. Each is kept as its distance from the one before it, in groups of seven bits: one or two bytes for
 * most. A process keeps one for every account, so that the entries of an account are found without a search column.
 */
export class SeqList {
  #bytes = new Uint8Array(ROOM_MIN);
  #used = 0;
  #length = 0;
  #last = -1;

  get length(): number {
    return this.#length;
  }

  /** The largest place; −1 while there is none. */
  get last(): number {
    return this.#last;
  }

  /** @throws RangeError when `seq` is not a count beyond {@link last}. */
  push(seq: number): void {
    if (!Number.isSafeInteger(seq) || seq <= this.#last) throw new RangeError("places are added in ascending order");
    // Not by shifts: those know 32 bits only.
    let rest = seq - this.#last - 1;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#put((rest % 128) + 128);
    this.#put(rest);
    this.#last = seq;
    this.#length += 1;
  }

  *[Symbol.iterator](): Generator<number, void, void> {
    let seq = -1;
    for (let at = 0; at < this.#used; ) {
      let distance = 0;
      let factor = 1;
      for (; this.#byte(at) >= 128; at++, factor *= 128) distance += (this.#byte(at) - 128) * factor;
      distance += this.#byte(at) * factor;
      at += 1;
      seq += distance + 1;
      yield seq;
    }
  }

  /** How many places are below `bound`, and the largest of them; −1 where there is none. */
  below(bound: number): { readonly count: number; readonly last: number } {
    if (this.#last < bound) return { count: this.#length, last: this.#last };
    let [count, last] = [0, -1];
    for (const seq of this) {
      if (seq >= bound) break;
      count += 1;
      last = seq;
    }
    return { count, last };
  }

  /** The places number `from` to `from + limit − 1`, as far as they are there. */
  slice(from: number, limit: number): readonly number[] {
    const places: number[] = [];
    let number = 0;
    for (const seq of this) {
      if (number >= from + limit) break;
      if (number >= from) places.push(seq);
      number += 1;
    }
    return places;
  }

  #byte(at: number): number {
    return this.#bytes[at] ?? 0;
  }

  #put(byte: number): void {
    if (this.#used === this.#bytes.length) {
      const wider = new Uint8Array(this.#bytes.length * 2);
      wider.set(this.#bytes);
      this.#bytes = wider;
    }
    this.#bytes[this.#used] = byte;
    this.#used += 1;
  }
}
