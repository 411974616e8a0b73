/**
 * The log's signing key, wherever it lives: never the key that wraps secrets. The adapters stand in `keys`; every one passes the same
 * contract test.
 */
export interface LogSigner {
  readonly uri: string;
  /**
   * The raw Ed25519 public key, 32 bytes (RFC 8032 §5.1.5).
   * @throws RootkeepError `KEY_UNAVAILABLE`
   */
  publicKey(): Promise<Buffer>;
  /**
   * Signs `message` itself, not its hash (pure Ed25519, RFC 8032 §5.1.6).
   * @returns 64 bytes.
   * @throws RootkeepError `KEY_UNAVAILABLE`
   */
  sign(message: Uint8Array): Promise<Buffer>;
}
