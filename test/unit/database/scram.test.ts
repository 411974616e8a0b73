import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { scramVerifier } from "../../../src/database/scram.js";

describe("a SCRAM verifier", () => {
  it("is the one of the example in RFC 7677", () => {
    // User "user", password "pencil", salt and iteration count of section 3. Its ServerSignature confirms the server key:
    // HMAC(ServerKey, AuthMessage) = 6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=.
    const verifier = scramVerifier("pencil", Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64"));
    assert.equal(
      verifier,
      "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
    );
  });

  it("differs each time, and takes generated passwords only", () => {
    assert.notEqual(scramVerifier("pencil"), scramVerifier("pencil"));
    for (const bad of ["", "with space", "ümlaut", "new\nline"]) assert.throws(() => scramVerifier(bad), /printable ASCII/);
  });
});
