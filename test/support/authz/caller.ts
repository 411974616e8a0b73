// Calls over HTTP, as somebody makes them.
export interface Answer {
  readonly status: number;
  /** Code of a refusal; empty where the call went through. */
  readonly code: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Call {
  readonly verb: string;
  readonly path: string;
  readonly token?: string;
  readonly json?: object;
  readonly csv?: string;
  readonly seed?: string;
}

/** Each time somebody else came first, so that somebody is always done. */
const TRIES = 20;

/** Calls the application at `address`; again where a busy machine made it say that nothing was done. */
export async function send(address: string, call: Call): Promise<Answer> {
  for (let tries = 1; ; tries++) {
    const answer = await sendOnce(address, call);
    if (answer.status !== 503 || tries === TRIES) return answer;
  }
}

async function sendOnce(address: string, { verb, path, token, json, csv, seed }: Call): Promise<Answer> {
  const body = csv ?? seed ?? (json === undefined ? undefined : JSON.stringify(json));
  const type = csv !== undefined ? "text/csv" : seed !== undefined ? "application/octet-stream" : "application/json";
  const response = await fetch(new URL(path, address), {
    method: verb,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": type }),
    },
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.text();
  const isJson = (response.headers.get("content-type") ?? "").includes("json");
  const parsed = isJson && text !== "" ? (JSON.parse(text) as Readonly<Record<string, unknown>>) : {};
  const isRefused = response.status >= 400;
  return { status: response.status, code: isRefused ? String(parsed["code"]) : "", body: parsed };
}

/** As {@link send}, for what must go through. */
export async function must(address: string, call: Call): Promise<Readonly<Record<string, unknown>>> {
  const { status, body } = await send(address, call);
  if (status >= 400) throw new Error(`${call.verb} ${call.path}: ${JSON.stringify(body)} to ${JSON.stringify(call.json ?? {})}`);
  return body;
}
