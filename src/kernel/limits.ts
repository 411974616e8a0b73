/** Every size and count that bounds what a caller or a crash can do to us, in one place. Units stand in the names. */
export const LIMITS = {
  bodyBytesMax: 64 * 1024,
  importBytesMax: 8 * 1024 * 1024,
  /** One call imports at most this many, so that it ends before a client gives up: each account costs four root-key calls. */
  importRowsMax: 2_000,
  importErrorsMax: 200,
  /** A seed as base32, or an otpauth URI with a long label. */
  seedTextBytesMax: 1_024,
  entryBytesMax: 16_384,
  batchEntriesMax: 256,
  appendQueueMax: 4_096,
  appendDeadlineMs: 3_000,
  /** An opening waits this long for a checkpoint that covers its intent. */
  coverDeadlineMs: 8_000,
  /** A first start waits this long for the signer to sign the genesis entry. */
  firstCheckpointMs: 30_000,
  guardCompareMs: 3_600_000,
  /** The guard is looked at so often while it is behind the log. */
  guardWatchMs: 1_000,
  /** Entries wait for a signature: after this long nothing is opened any more. */
  unsignedOpeningMs: 5_000,
  /** After this long nothing is decided any more but what takes away. */
  unsignedDecisionMs: 300_000,
  /** An anchor gets a checkpoint at most this often. */
  anchorEveryMs: 15_000,
  /** An anchor or a witness that has had nothing for so long is told of. */
  anchorLateMs: 600_000,
  witnessLookMs: 60_000,
  heartbeatMs: 600_000,
  lockTimeoutMs: 3_000,
  statementTimeoutMs: 8_000,
  idleInTransactionMs: 5_000,
  /** Of the database role that only reads. */
  auditorConnectionsMax: 10,
  auditorIdleMs: 600_000,
  transactionAttemptsMax: 4,
  clockSkewMsMax: 2_000,
  /** Nothing is appended while service and database disagree by more than this. */
  appendSkewMsMax: 60_000,
  rootKeySkewMsMax: 60_000,
  rootKeyDeadlineMs: 8_000,
  receiptMsMax: 30_000,
  pageSizeMax: 200,
  pageSizeDefault: 50,
  nameCharsMax: 120,
  reasonCharsMax: 2_000,
  ticketCharsMax: 64,
  ticketTitleCharsMax: 200,
  /** A look at a ticket, while somebody waits. */
  ticketLookMs: 4_000,
  /** What was seen of a ticket counts for so long: between look and act there is one transaction. */
  ticketSeenMs: 60_000,
  emailCharsMax: 254,
  passwordCharsMin: 12,
  passwordCharsMax: 256,
  /** A session in use is marked as seen at most this often. */
  sessionTouchSeconds: 30,
  /** A sign-in that was begun at the provider must be completed within this time. */
  oidcLoginSeconds: 10 * 60,
  /** The answer of the provider as it comes with the redirect. */
  oidcResponseCharsMax: 4_096,
  /** The provider is asked again about every session of its own after this time at the latest. */
  providerStandingSeconds: 5 * 60,
  /** For approving and opening it is asked at once; two calls that come together share the answer. */
  providerActSeconds: 3,
  /** A provider that did not answer is left alone for this time by calls that need not wait for it. */
  providerAwaySeconds: 20,
  providerDeadlineMs: 4_000,
  /** Clocks of provider and service may differ by this much. */
  providerSkewSeconds: 30,
  logoutTokenSeconds: 5 * 60,
  logoutTokenCharsMax: 8_192,
  /** A place that a person signed in from is theirs for this time, as far as lock-outs go. */
  knownPlaceSeconds: 30 * 24 * 3600,
  invitationSeconds: 24 * 3600,
  invitationCodeTriesMax: 5,
  requestSeconds: 24 * 3600,
  idempotencySeconds: 24 * 3600,
} as const;
