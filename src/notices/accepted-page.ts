import { RootkeepError } from "../kernel/errors.js";

/** Older pages prove nothing: between page and opening there is one transaction. */
const LIFE_MS = 60_000;

/**
 * The proof, in this process alone, that a channel has accepted a page about one thing. It cannot be forged or copied: only the pager mints
 * it, and no row of a table stands in for it.
 */
export class AcceptedPage {
  private static readonly minted = new WeakSet<AcceptedPage>();

  private constructor(
    readonly subjectId: string,
    readonly channel: string,
    private readonly atMs: number,
  ) {
    Object.freeze(this);
  }

  /** Made by the pager, when a channel has accepted. */
  static mint(subjectId: string, channel: string): AcceptedPage {
    const page = new AcceptedPage(subjectId, channel, performance.now());
    AcceptedPage.minted.add(page);
    return page;
  }

  /**
   * Demands a page about `subjectId`, accepted just now. May be asked again: a transaction may be run again.
   * @returns the channel. @throws RootkeepError `PAGE_UNACCEPTED`
   */
  static demand(page: AcceptedPage | null | undefined, subjectId: string): string {
    const isGood =
      page !== null &&
      page !== undefined &&
      AcceptedPage.minted.has(page) &&
      page.subjectId === subjectId &&
      performance.now() - page.atMs < LIFE_MS;
    if (!isGood) throw new RootkeepError("PAGE_UNACCEPTED");
    return page.channel;
  }
}
