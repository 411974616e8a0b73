import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { describe, it } from "node:test";
import { answerTo, postBody } from "../../../src/audit/stream/post-body.adapter.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";

/** A server that says `answer` to whatever comes, and then closes or keeps its end open. */
async function saying(answer: string, closes: boolean, use: (url: string) => Promise<void>): Promise<void> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("data", () => (closes ? socket.end(answer) : socket.write(answer)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const address = server.address();
    await use(`http://127.0.0.1:${String(typeof address === "object" ? address?.port : 0)}/`);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

// real: HTTP on a socket. double: whoever answers.
describe("a call to a system that is none of our callers", () => {
  const post = (url: string): Promise<number> =>
    postBody(url, { headers: {}, body: Buffer.from("{}"), signal: new AbortController().signal, authorities: undefined });
  const unavailable = (reason: string) => (error: unknown) => isRootkeepError(error, "UNAVAILABLE") && error.reason === reason;

  it("comes to an end without a deadline where the answer is 101: Node drops that request without an error and without an answer", async () => {
    const answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n";
    for (const closes of [false, true])
      await saying(answer, closes, (url) => assert.rejects(post(url), unavailable("webhook_SWITCHED_PROTOCOLS")));
    await saying(answer, false, (url) =>
      assert.rejects(answerTo(url, { method: "GET", agent: false }, null, undefined), { code: "SWITCHED_PROTOCOLS" }),
    );
  });

  it("comes to an end where the connection does, without an answer, and in the middle of one", async () => {
    for (const answer of ["", "HTTP/1.1 200 OK\r\nContent-Le"])
      await saying(answer, true, (url) => assert.rejects(post(url), unavailable("webhook_ECONNRESET")));
  });

  it("takes what is said before the answer for no answer, and the status for one whose body never comes", async () => {
    await saying("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", false, async (url) => assert.equal(await post(url), 204));
    await saying("HTTP/1.1 202 Accepted\r\nContent-Length: 9\r\n\r\n", false, async (url) => assert.equal(await post(url), 202));
  });
});
