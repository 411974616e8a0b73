import { type ChildProcess, spawn } from "node:child_process";

export interface Moto {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/**
 * Starts `moto_server`, an independent emulator of AWS, on a free port of loopback. Answers with the reason when it cannot be run here:
 * a test skips with it.
 */
export async function startMoto(): Promise<Moto | { readonly absent: string }> {
  // Port 0: the system picks a free one and the server prints it. A port chosen beforehand could be taken by an outgoing connection.
  const server = spawn("moto_server", ["-H", "127.0.0.1", "-p", "0"], { stdio: ["ignore", "ignore", "pipe"] });
  const endpoint = await new Promise<string | null>((resolve) => {
    let text = "";
    server.once("error", () => {
      resolve(null);
    });
    server.once("exit", () => {
      resolve(null);
    });
    server.stderr.on("data", (chunk: Buffer) => {
      text += chunk.toString("utf8");
      const found = /Running on (http:\/\/127\.0\.0\.1:[0-9]+)/.exec(text)?.[1];
      if (found !== undefined) resolve(found);
    });
  });
  if (endpoint === null) return { absent: "moto_server is not installed or does not start" };
  return { endpoint, stop: () => stop(server) };
}

async function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = new Promise((resolve) => server.once("exit", resolve));
  server.kill("SIGTERM");
  await ended;
}
