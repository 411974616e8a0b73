import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";

const ITERATIONS = 4096;

/**
 * The verifier that PostgreSQL stores for `password` (RFC 5803, SCRAM-SHA-256). Computing it here keeps the password out of the statement,
 * and so out of the server's log, its activity view and its memory.
 * @param password printable ASCII: our passwords are generated, so SASLprep has nothing to change.
 * @param salt 16 random bytes; a parameter for test vectors only.
 * @throws Error when the password holds anything but printable ASCII.
 */
export function scramVerifier(password: string, salt: Buffer = randomBytes(16)): string {
  if (!/^[\x21-\x7e]+$/.test(password)) throw new Error("a generated password is printable ASCII");
  const salted = pbkdf2Sync(password, salt, ITERATIONS, 32, "sha256");
  const clientKey = createHmac("sha256", salted).update("Client Key").digest();
  const storedKey = createHash("sha256").update(clientKey).digest("base64");
  const serverKey = createHmac("sha256", salted).update("Server Key").digest("base64");
  salted.fill(0);
  clientKey.fill(0);
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString("base64")}$${storedKey}:${serverKey}`;
}
