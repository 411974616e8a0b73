// real: HTTP on loopback, the verifier as it is called; double: the server, which is hostile.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { leafHash } from "../../../src/audit/chain.js";
import { formatKeyLine } from "../../../src/audit/key-lines.js";
import { Secret } from "../../../src/kernel/secret.js";
import { HttpReader, type Patience } from "../../../src/verify/http-reader.js";
import { runVerify } from "../../../src/verify/main.js";
import type { Report } from "../../../src/verify/report.js";
import { parseServedAddress } from "../../../src/verify/served-address.js";
import { SERVED_ENTRIES_MAX, ServedExport } from "../../../src/verify/served-export.js";
import { verifyExport } from "../../../src/verify/verify-export.js";
import { headOf } from "../../support/attacked-export.js";
import { type HostileServer, type Mischief, startHostileServer } from "../../support/hostile-server.js";
import { exportFiles, SAMPLE_ORIGIN, SAMPLE_SIGNER, sampleLog, sampleManifest } from "../../support/sample-log.js";
import { noteOf } from "../../support/signed-export.js";

const SIZE = 600;
const TOKEN = "rks_0123456789abcdef";
/** As patient as the tests are. */
const HASTE: Patience = { requestMs: 250, attempts: 2, pauseMs: 1, graceMs: 20_000, fileMs: 1_000 };
const { entries, openings } = sampleLog(SIZE);
const leaves = entries.map((entry) => leafHash(entry));
const KEYS = [formatKeyLine({ key: SAMPLE_SIGNER.key, lastSize: null })];

type Files = Record<string, string | Uint8Array>;
let files: Files;
let tlog: Files;
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "rootkeep-served-"));
  files = await exportFiles(sampleManifest(headOf(entries), SIZE), entries, openings);
  const { "manifest.json": _manifest, "pii.ndjson": _openings, ...rest } = files;
  tlog = rest;
});
after(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function withServer<T>(served: Files, mischief: Mischief | undefined, use: (server: HostileServer) => Promise<T>): Promise<T> {
  const server = await startHostileServer(served, mischief);
  try {
    return await use(server);
  } finally {
    await server.close();
  }
}

async function run(...argv: string[]): Promise<{ exitCode: number; out: string; err: string }> {
  let [out, err] = ["", ""];
  const exitCode = await runVerify(argv, { write: (text) => (out += text) }, { write: (text) => (err += text) });
  return { exitCode, out, err };
}

/** What the verifier says, with less patience than it has for a person. */
async function verifyAt(address: string, patience: Partial<Patience> = {}, token: string | null = null): Promise<Report> {
  const place = parseServedAddress(address, token !== null);
  const http = new HttpReader(place.base.origin, token === null ? null : Secret.of(token), { ...HASTE, ...patience });
  try {
    return await verifyExport(new ServedExport(http, place));
  } finally {
    http.close();
  }
}

const failures = (report: Report): string[] => report.checks.flatMap(({ check, status }) => (status === "failed" ? [check] : []));
const failure = (report: Report): string => report.checks.find(({ status }) => status === "failed")?.message ?? "";
const statusOf = (report: Report, check: string): string | undefined => report.checks.find((result) => result.check === check)?.status;
const at =
  (path: string | RegExp, act: (response: ServerResponse) => void): Mischief =>
  ({ url = "" }, response) => {
    const isHit = typeof path === "string" ? url === `/${path}` : path.test(url);
    if (isHit) act(response);
    return isHit;
  };

describe("a log on a web server", () => {
  it("as the files of an export is intact; the report says where its key came from, and that files cannot be listed [AX-16]", async () => {
    await withServer(files, undefined, async ({ address }) => {
      const { exitCode, out } = await run(address);
      assert.equal(exitCode, 0, out);
      assert.match(out, /^ok +signatures +every checkpoint is signed by a key that came from where the log came from$/m);
      assert.match(out, /^skipped +layout /m);
      assert.match(out, /^ok +disclosures +119 openings match/m);
      assert.match(out, /a key that came from where the log came from; origin not checked\n$/);
    });
  });
  it("under the paths of C2SP tlog-tiles alone is intact, and more with a key from elsewhere [AX-16]", async () => {
    const trust = join(folder, "trust.json");
    await writeFile(trust, JSON.stringify({ origin: SAMPLE_ORIGIN, keys: KEYS }));
    const { "log.vkey": _key, ...unkeyed } = tlog;
    await withServer(unkeyed, undefined, async ({ address }) => {
      const { exitCode, out } = await run(`${address}/`, "--trust", trust);
      assert.equal(exitCode, 0, out);
      assert.match(out, /consistent in itself and with the trust file/);
      assert.equal((await run(address)).exitCode, 2, "without any key nothing is proven");
    });
  });
  it("that grows while it is read is the one whose checkpoint was read first", async () => {
    // Each begins with the smaller log. Of 700 entries the last tile is still narrow, and the one that we want is gone for good; of 768 it is
    // full, and begins with ours.
    for (const [size, exitCode] of [
      [700, 1],
      [768, 0],
    ] as const) {
      const larger = sampleLog(size);
      const grown = await exportFiles(sampleManifest(headOf(larger.entries), size), larger.entries, []);
      let isGrown = false;
      const growing: Mischief = ({ url = "" }, response) => {
        const path = url.slice(1);
        const body = isGrown ? (grown[path] ?? (path.startsWith("tile/1/") ? tlog[path] : undefined)) : tlog[path];
        isGrown ||= path === "checkpoint";
        response.writeHead(body === undefined ? 404 : 200).end(body);
        return true;
      };
      await withServer({}, growing, async ({ address }) => {
        const report = await verifyAt(address);
        assert.deepEqual([report.exitCode, report.to], [exitCode, SIZE], JSON.stringify(report.checks));
      });
    }
  });
  it("is tampered with where an entry, a tile or a signature is another, and names the entry", async () => {
    const bundle = Buffer.from(files["tile/entries/001"] ?? "");
    bundle[bundle.indexOf("close-account")] = 0x43;
    await withServer({ ...tlog, "tile/entries/001": bundle }, undefined, async ({ address }) => {
      const report = await verifyAt(address);
      assert.equal(report.exitCode, 1);
      assert.ok(failures(report).includes("leaves"));
    });
    const forged = await noteOf(leaves, SIZE, { log: SAMPLE_SIGNER }, Buffer.alloc(32, 1));
    await withServer({ ...tlog, checkpoint: forged }, undefined, async ({ address }) => {
      assert.deepEqual(failures(await verifyAt(address)), ["tree"]);
    });
  });
});

describe("somebody hostile who serves a log", () => {
  const faults: readonly { name: string; mischief: Mischief; exitCode: number; says: RegExp }[] = [
    {
      name: "never answers",
      mischief: at("tile/0/001", () => undefined),
      exitCode: 2,
      says: /tile\/0\/001: no whole answer within 250 ms, 2 times/,
    },
    {
      name: "drips",
      mischief: at("tile/0/001", (response) => {
        const timer = setInterval(() => response.write("x"), 20);
        response.on("close", () => clearInterval(timer));
      }),
      exitCode: 2,
      says: /no whole answer within 250 ms/,
    },
    {
      name: "drips headers",
      mischief: at("tile/0/001", ({ socket }) => {
        socket?.write("HTTP/1.1 200 OK\r\n");
        const timer = setInterval(() => socket?.write(`x-${String(Math.random()).slice(2)}: y\r\n`), 20);
        socket?.on("close", () => clearInterval(timer));
      }),
      exitCode: 2,
      says: /no whole answer within 250 ms|HPE_HEADER_OVERFLOW/,
    },
    {
      name: "never ends",
      mischief: at("tile/0/001", (response) => {
        const more = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(65_536)));
          response.once("drain", more);
        };
        more();
      }),
      exitCode: 2,
      says: /tile\/0\/001: the answer is larger than 8192 bytes/,
    },
    {
      name: "says more than it sends",
      mischief: at("tile/0/001", (response) => {
        response.writeHead(200, { "content-length": "8192" });
        response.write(Buffer.alloc(100));
        setTimeout(() => response.destroy(), 10);
      }),
      exitCode: 2,
      says: /tile\/0\/001: (the answer was cut off|the network failed)/,
    },
    {
      name: "sends a body that is packed",
      mischief: at("tile/0/001", (response) => response.writeHead(200, { "content-encoding": "gzip" }).end(Buffer.alloc(50))),
      exitCode: 1,
      says: /hash tile 1 has not its width/,
    },
    {
      name: "speaks no HTTP",
      mischief: at("tile/0/001", ({ socket }) => socket?.end("garbage\r\n\r\n")),
      exitCode: 2,
      says: /the network failed \(HPE_/,
    },
    {
      name: "has no tile",
      mischief: at("tile/0/001", (response) => response.writeHead(404).end("no")),
      exitCode: 1,
      says: /hash tile 1 is missing/,
    },
    {
      name: "has no bundle",
      mischief: at("tile/entries/001", (response) => response.writeHead(404).end()),
      exitCode: 1,
      says: /bundle 1 is missing/,
    },
    {
      name: "sends a short tile",
      mischief: at("tile/0/001", (response) => response.end(Buffer.alloc(8_000))),
      exitCode: 1,
      says: /hash tile 1 has not its width/,
    },
    {
      name: "sends garbage for a bundle",
      mischief: at("tile/entries/001", (response) => response.end("<html>")),
      exitCode: 1,
      says: /bundle/,
    },
    {
      name: "sends garbage for the checkpoint",
      mischief: at("checkpoint", (response) => response.end("<html>")),
      exitCode: 2,
      says: /manifest.json/,
    },
    {
      name: "fails",
      mischief: at("tile/0/001", (response) => response.writeHead(503).end()),
      exitCode: 2,
      says: /the server answers 503, 2 times/,
    },
    {
      name: "redirects without end",
      mischief: at(/^\/tile\/0\/001/, (response) => response.writeHead(302, { location: "/tile/0/001" }).end()),
      exitCode: 2,
      says: /redirects without end/,
    },
    {
      name: "redirects to a file",
      mischief: at("tile/0/001", (response) => response.writeHead(302, { location: "file:///etc/passwd" }).end()),
      exitCode: 2,
      says: /redirects to where nobody should go/,
    },
    {
      name: "redirects with a name and a password",
      mischief: at("tile/0/001", (response) => response.writeHead(302, { location: "http://a:b@127.0.0.1/" }).end()),
      exitCode: 2,
      says: /redirects to where nobody should go/,
    },
    {
      name: "wants a token",
      mischief: at("tile/0/001", (response) => response.writeHead(401).end()),
      exitCode: 2,
      says: /401: it wants a token/,
    },
  ];
  for (const { name, mischief, exitCode, says } of faults) {
    it(`and ${name} is never called intact, and the report says what it was`, async () => {
      await withServer(tlog, mischief, async ({ address }) => {
        const report = await verifyAt(address);
        assert.equal(report.exitCode, exitCode, JSON.stringify(report.checks));
        assert.match(report.checks.map(({ message }) => message).join("\n"), says);
      });
    });
  }
  it("and fails now and then is asked again", async () => {
    const failed = new Set<string>();
    const once: Mischief = ({ url = "" }, response) => {
      if (failed.has(url)) return false;
      failed.add(url);
      response.destroy();
      return true;
    };
    await withServer(tlog, once, async ({ address }) => {
      assert.equal((await verifyAt(address)).exitCode, 0);
    });
  });
  it("and is slow with every file is given up in the end", async () => {
    const slow: Mischief = ({ url = "" }, response) => {
      setTimeout(() => {
        const body = tlog[url.slice(1)];
        response.writeHead(body === undefined ? 404 : 200).end(body);
      }, 100);
      return true;
    };
    await withServer(tlog, slow, async ({ address }) => {
      const report = await verifyAt(address, { graceMs: 100, fileMs: 1 });
      assert.equal(report.exitCode, 2);
      assert.match(failure(report), /given up, the server takes more than 1 ms a file/);
    });
  });
  it("and claims more entries than anybody has is not waited for", async () => {
    for (const size of [SERVED_ENTRIES_MAX + 1, SERVED_ENTRIES_MAX]) {
      const checkpoint = await noteOf(leaves, size, { log: SAMPLE_SIGNER }, Buffer.alloc(32, 1));
      await withServer({ ...tlog, checkpoint }, undefined, async ({ address }) => {
        const report = await verifyAt(address);
        assert.equal(report.exitCode, size > SERVED_ENTRIES_MAX ? 2 : 1, JSON.stringify(report.checks));
      });
    }
  });
  it("and sends false entries without end is not listened to for ever", async () => {
    const checkpoint = await noteOf(leaves, SERVED_ENTRIES_MAX, { log: SAMPLE_SIGNER }, Buffer.alloc(32, 1));
    const bundle = files["tile/entries/000"];
    const tile = files["tile/0/000"];
    await withServer(
      { checkpoint, "log.vkey": tlog["log.vkey"] ?? "" },
      ({ url = "" }, response) => {
        if (!url.startsWith("/tile/")) return false;
        response.end(url.startsWith("/tile/entries/") ? bundle : tile);
        return true;
      },
      async ({ address, asked }) => {
        assert.equal((await verifyAt(address)).exitCode, 1);
        assert.ok(asked.length < 1_000, String(asked.length));
      },
    );
  });
});

describe("the token", () => {
  it("goes to the address alone, not to where that redirects, and not back from there", async () => {
    let own = "";
    const away: Mischief = at("back", (response) => response.writeHead(302, { location: `${own}/came-back` }).end());
    await withServer(tlog, away, async (other) => {
      const mischief: Mischief = ({ url = "" }, response) => {
        const to = { "/tile/0/001": "tile/0/001", "/tile/0/000": "back" }[url];
        if (to !== undefined) response.writeHead(307, { location: `${other.address}/${to}` }).end();
        return to !== undefined;
      };
      await withServer(tlog, mischief, async (server) => {
        own = server.address;
        assert.equal((await verifyAt(own, {}, TOKEN)).exitCode, 1, "a tile came back as nothing");
        const authorizationOf = (asked: HostileServer["asked"], path: string): (string | undefined)[] =>
          asked.flatMap((request) => (request.path === path ? [request.authorization] : []));
        assert.deepEqual(authorizationOf(server.asked, "tile/entries/000"), [`Bearer ${TOKEN}`]);
        assert.deepEqual(authorizationOf(server.asked, "came-back"), [undefined]);
        for (const path of ["tile/0/001", "back"]) assert.deepEqual(authorizationOf(other.asked, path), [undefined], path);
      });
    });
  });
  it("is read from a file, the token alone or a session's, and never sent in clear beyond this machine", async () => {
    const [plain, session, foreign, none] = ["plain", "session", "foreign", "none"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
      string,
    ];
    await withServer(tlog, undefined, async ({ address, asked }) => {
      await writeFile(plain, `${TOKEN}\n`);
      await writeFile(session, JSON.stringify({ address, token: TOKEN, personId: "per_x", expiresAt: "" }));
      await writeFile(foreign, JSON.stringify({ address: "https://vault.example", token: TOKEN, personId: "per_x", expiresAt: "" }));
      await writeFile(none, "two words");
      for (const file of [plain, session]) assert.equal((await run(address, "--token-file", file)).exitCode, 0);
      assert.ok(asked.every(({ authorization }) => authorization === `Bearer ${TOKEN}`));
      const before = asked.length;
      for (const argv of [
        [address, "--token-file", foreign],
        [address, "--token-file", none],
        [address, "--token-file", join(folder, "missing")],
        ["http://vault.example/", "--token-file", plain],
        [`http://user:${TOKEN}@127.0.0.1/`],
        [`${address}/?x=1`],
        [address, "--timeout", "0"],
        [folder, "--token-file", plain],
      ]) {
        const { exitCode, out, err } = await run(...argv);
        assert.equal(exitCode, 3, argv.join(" "));
        assert.equal(`${out}${err}`.includes(TOKEN), false);
      }
      assert.equal(asked.length, before);
    });
  });
});

describe("the address", () => {
  it("of nobody is incomplete, and says so", async () => {
    const gone = await startHostileServer({});
    await gone.close();
    const report = await verifyAt(gone.address);
    assert.equal(report.exitCode, 2);
    assert.match(failure(report), /the network failed \(ECONNREFUSED\), 2 times/);
    await withServer({}, undefined, async ({ address }) => {
      const empty = await verifyAt(address);
      assert.equal(empty.exitCode, 2);
      assert.match(failure(empty), /no log is served there/);
      assert.equal(statusOf(empty, "trust"), "skipped");
    });
  });
});
