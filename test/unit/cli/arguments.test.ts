import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { scopeOf } from "../../../src/cli/allowlist.js";
import { type CommandForm, parseArguments, renderUsage } from "../../../src/cli/arguments.js";
import { COMMANDS } from "../../../src/cli/commands.js";
import { UsageError } from "../../../src/cli/failure.js";
import { requestFields } from "../../../src/cli/requests.js";

const FORM: CommandForm = {
  words: ["thing", "do"],
  summary: "Does the thing.",
  positionals: ["THING"],
  options: {
    reason: { kind: "text", value: "TEXT", meaning: "why", isRequired: true },
    kind: { kind: "list", value: "KIND", meaning: "which" },
    minutes: { kind: "count", value: "N", meaning: "how long" },
    loud: { kind: "flag", meaning: "loudly" },
  },
};

function usage(argv: readonly string[]): string {
  try {
    parseArguments(FORM, argv);
  } catch (error) {
    assert.ok(error instanceof UsageError);
    return error.message;
  }
  return assert.fail("the arguments were taken");
}

describe("arguments of a command", () => {
  it("are read wherever they stand", () => {
    const given = parseArguments(FORM, ["--kind", "a", "one", "--reason=because", "--kind=b", "--loud", "--minutes", "30"]);
    assert.equal(given.positional("THING"), "one");
    assert.equal(given.required("reason"), "because");
    assert.deepEqual(given.list("kind"), ["a", "b"]);
    assert.equal(given.count("minutes"), 30);
    assert.equal(given.flag("loud"), true);
    assert.equal(given.flag("json"), false);
    assert.equal(given.text("address"), undefined);
  });
  for (const [what, argv, message] of [
    ["a missing argument", ["--reason", "x"], "THING is missing"],
    ["one argument too many", ["one", "two", "--reason", "x"], "there are too many arguments"],
    ["a missing option", ["one"], "--reason is missing"],
    ["an option without its value", ["one", "--reason"], "--reason needs a value"],
    ["an option that would swallow the next one", ["one", "--reason", "--json"], "--reason needs a value"],
    ["an option given twice", ["one", "--reason", "x", "--reason", "y"], "--reason stands there twice"],
    ["a value for a flag", ["one", "--reason", "x", "--loud=yes"], "--loud takes no value"],
    ["a number that is none", ["one", "--reason", "x", "--minutes", "1e3"], "--minutes is a whole number"],
    ["an unknown option", ["one", "--reason", "x", "--quick"], "there is no option --quick"],
    ["an option of the prototype", ["one", "--reason", "x", "--constructor"], "there is no option --constructor"],
  ] as const) {
    it(`refuse ${what}`, () => {
      assert.equal(usage(argv), message);
    });
  }
  it("never repeat a value that was put in the wrong place", () => {
    const secret = "hunter2-correct-horse";
    for (const argv of [
      ["one", "--reason", "x", `--password=${secret}`],
      ["one", "--reason", "x", "--password", secret],
      ["one", secret, "--reason", "x"],
      ["one", "--reason", "x", `--${secret}`, "y"],
      ["one", "--reason", "x", `-p${secret}`],
      ["one", "--reason", "x", "--minutes", secret],
    ]) {
      assert.ok(!usage(argv).includes("hunter2"), argv.join(" "));
    }
  });
  it("are told apart from secrets, which have no option", () => {
    assert.match(usage(["one", "--reason", "x", "--password", "y"]), /never from an argument/);
  });
  it("need not be right when help is asked for", () => {
    assert.equal(parseArguments(FORM, ["--help"]).flag("help"), true);
  });
  it("stand in the usage with what they mean", () => {
    const text = renderUsage(FORM);
    assert.match(text, /^usage: rootkeep thing do THING --reason TEXT \[--kind KIND\] \[--minutes N\] \[--loud\]/);
    assert.match(text, /--minutes N +how long/);
  });
});

describe("the list of commands", () => {
  it("has no option that takes a password, code or token as its value", () => {
    for (const { words, options } of COMMANDS) {
      const suspects = Object.keys(options ?? {}).filter((name) => /pass|code|token|secret|otp|seed/.test(name) && !name.endsWith("-file"));
      assert.deepEqual(suspects, [], words.join(" "));
    }
  });
  it("names each command once, and none hides another", () => {
    const names = COMMANDS.map(({ words }) => words.join(" "));
    assert.equal(new Set(names).size, names.length);
    const singles = names.filter((name) => !name.includes(" "));
    for (const name of names) assert.ok(!singles.some((single) => name.startsWith(`${single} `)), name);
  });
});

describe("what the options of a request mean", () => {
  const submit = COMMANDS.find(({ words }) => words.join(" ") === "request submit");
  const allow = COMMANDS.find(({ words }) => words.join(" ") === "people allow");
  assert.ok(submit !== undefined && allow !== undefined);
  const fields = (...argv: string[]) => requestFields(parseArguments(submit, ["--reason", "it is needed", ...argv]));
  const scope = (...argv: string[]) => scopeOf(parseArguments(allow, ["per_1", "--role", "approver", "--reason", "it is needed", ...argv]));

  it("an opening has account, purpose, ticket and only what was named", () => {
    assert.deepEqual(fields("--account", "acc_1", "--purpose", "drill", "--ticket", "OPS-1", "--kind", "mfa-seed", "--minutes", "5"), {
      operation: "secret.reveal",
      reason: "it is needed",
      ticket: "OPS-1",
      accountId: "acc_1",
      purpose: "drill",
      kinds: ["mfa-seed"],
      minutes: 5,
    });
    assert.throws(() => fields("--account", "acc_1"), UsageError);
  });
  it("another act has its subject and nothing of an opening", () => {
    assert.deepEqual(fields("--operation", "config.approve", "--digest", "ab"), {
      operation: "config.approve",
      reason: "it is needed",
      subject: { digest: "ab" },
    });
    assert.throws(() => fields("--operation", "secret.waive"), UsageError);
  });
  it("an allowlist entry reaches exactly one kind of thing", () => {
    assert.deepEqual(scope("--all"), { kind: "all" });
    assert.deepEqual(scope("--tag", "env=prod", "--tag", "env=test"), { kind: "tag", values: ["env=prod", "env=test"] });
    assert.throws(() => scope(), UsageError);
    assert.throws(() => scope("--all", "--customer", "Harbour Clinic"), UsageError);
  });
});
