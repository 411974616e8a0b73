/** Copies of sealed values and their wraps outside the database, such as the second store's. */
export interface CopiesToForget {
  /** Removes every copy of the account's; again where they are gone already. @throws where one may still be there. */
  forget(accountId: string): Promise<unknown>;
}
