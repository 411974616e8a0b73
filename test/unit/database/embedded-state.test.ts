import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  classifyStartFailure,
  findUser,
  fitsSocketPath,
  isRunDirectory,
  parsePostmasterFile,
  serverArguments,
} from "../../../src/database/embedded-state.js";

describe("what the launcher knows of a server's state", () => {
  it("reads a postmaster file, and none that is half written or of a stand-alone backend", () => {
    const text = "4711\n/data\n1763800000\n5432\n/run/x\n\n  12 3\nready   \n";
    assert.deepEqual(parsePostmasterFile(text), { pid: 4711, port: 5432, socketDirectory: "/run/x" });
    for (const bad of [
      "",
      "4711\n",
      "-5\n/d\n1\n5432\n/run/x\n",
      "4711\n/d\n1\n5432\n\n",
      "x\n/d\n1\n5432\n/r\n",
      "1\n/d\n1\n5432\n/r\n",
    ]) {
      assert.equal(parsePostmasterFile(bad), undefined);
    }
  });

  it("tells what passes by itself from what never will", () => {
    assert.equal(classifyStartFailure('FATAL:  lock file "postmaster.pid" already exists'), "lock-file");
    assert.equal(classifyStartFailure("FATAL:  pre-existing shared memory block (key 1, ID 2) is still in use"), "lingering");
    assert.equal(classifyStartFailure("FATAL:  database files are incompatible with server"), "permanent");
    assert.equal(classifyStartFailure("FATAL:  could not open file: Permission denied"), "permanent");
    assert.equal(classifyStartFailure(""), "permanent");
  });

  it("never takes root for an unprivileged user", () => {
    const passwd = "postgres:x:0:0::/:/bin/sh\nnobody:*:-2:-2::/:/bin/false\nother:x:7:8::/:/bin/sh\n";
    assert.equal(findUser(passwd, "postgres"), undefined);
    assert.deepEqual(findUser(passwd, "nobody"), { uid: 4_294_967_294, gid: 4_294_967_294 });
    assert.deepEqual(findUser(passwd, "other"), { uid: 7, gid: 8 });
    assert.equal(findUser(passwd, "absent"), undefined);
  });

  it("knows how long a socket's path may be", () => {
    const tail = "/.s.PGSQL.5432".length;
    assert.equal(fitsSocketPath("/".padEnd(107 - tail, "x"), "linux"), true);
    assert.equal(fitsSocketPath("/".padEnd(108 - tail, "x"), "linux"), false);
    assert.equal(fitsSocketPath("/".padEnd(104 - tail, "x"), "darwin"), false);
    assert.equal(fitsSocketPath("/".padEnd(60, "é"), "linux"), false);
  });

  it("removes nothing but run directories", () => {
    assert.equal(isRunDirectory("/tmp/rootkeep-pg-0123456789ab"), true);
    for (const path of ["/", "/tmp", "rootkeep-pg-1", "/tmp/x", "/tmp/rootkeep-pg-1/../../etc", "/tmp/../rootkeep-pg-1", ""]) {
      assert.equal(isRunDirectory(path), false, path);
    }
  });

  it("lets a caller's settings win over ours and over no guard", () => {
    const all = serverArguments("/d", "/s", { shared_buffers: "16MB" });
    assert.deepEqual(all.slice(0, 2), ["-D", "/d"]);
    assert.ok(all.includes("shared_buffers=16MB"));
    assert.ok(all.includes("listen_addresses="));
    for (const name of ["listen_addresses", "log_min_messages", "ssl_key_file", "hba_file", "unix_socket_permissions", "-c x", ""]) {
      assert.throws(() => serverArguments("/d", "/s", { [name]: "x" }), /is not for callers/);
    }
  });
});
