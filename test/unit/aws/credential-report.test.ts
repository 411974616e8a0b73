import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseRootReport } from "../../../src/aws/credential-report.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";

const NAMES = [
  ...["user", "arn", "user_creation_time", "password_enabled", "password_last_used", "password_last_changed", "password_next_rotation"],
  ...["mfa_active", "access_key_1_active", "access_key_1_last_rotated", "access_key_2_active", "access_key_2_last_rotated"],
  ...["cert_1_active", "cert_1_last_rotated", "cert_2_active", "cert_2_last_rotated"],
] as const;
type Name = (typeof NAMES)[number];

const ROW: Readonly<Record<Name, string>> = {
  user: "<root_account>",
  arn: "arn:aws:iam::111122223333:root",
  user_creation_time: "2019-03-01T09:12:44+00:00",
  password_enabled: "true",
  password_last_used: "2026-11-02T10:01:07+00:00",
  password_last_changed: "2026-11-02T10:05:12+00:00",
  password_next_rotation: "not_supported",
  mfa_active: "true",
  access_key_1_active: "false",
  access_key_1_last_rotated: "N/A",
  access_key_2_active: "false",
  access_key_2_last_rotated: "N/A",
  cert_1_active: "false",
  cert_1_last_rotated: "N/A",
  cert_2_active: "false",
  cert_2_last_rotated: "N/A",
};
const ACCOUNT = { partition: "aws", awsId: "111122223333" } as const;
const MADE = new Date("2026-11-26T12:00:00.000Z");

const text = (row: Readonly<Partial<Record<string, string>>>, names: readonly string[] = NAMES): string =>
  `${names.join(",")}\n${names.map((name) => row[name] ?? "").join(",")}\n`;
const parse = (report: string) => parseRootReport(Buffer.from(report), MADE, ACCOUNT);
const refusal = (report: string): string => {
  try {
    parse(report);
    return "passed";
  } catch (error) {
    return isRootkeepError(error, "EVIDENCE_UNAVAILABLE") ? String(error.reason) : "another error";
  }
};

describe("the credential report's row of root", () => {
  it("is read by the names of its columns, in whatever order they come", () => {
    const straight = parse(text(ROW));
    assert.deepEqual(parse(text({ ...ROW, surprise: "x" }, ["surprise", ...NAMES.toReversed()])), straight);
    assert.deepEqual(straight, {
      generatedAt: "2026-11-26T12:00:00.000Z",
      passwordEnabled: true,
      passwordLastUsed: "2026-11-02T10:01:07.000Z",
      passwordLastChanged: "2026-11-02T10:05:12.000Z",
      mfaActive: true,
      accessKeys: [
        { isPresent: false, isActive: false, since: "none" },
        { isPresent: false, isActive: false, since: "none" },
      ],
      certificates: [
        { isPresent: false, isActive: false, since: "none" },
        { isPresent: false, isActive: false, since: "none" },
      ],
    });
  });

  it("shows an inactive key as one that is there", () => {
    const { accessKeys } = parse(text({ ...ROW, access_key_2_last_rotated: "2020-01-01T00:00:00+00:00" }));
    assert.deepEqual(accessKeys[1], { isPresent: true, isActive: false, since: "2020-01-01T00:00:00.000Z" });
  });

  it("knows nothing of a column that is missing or says something else", () => {
    for (const name of NAMES.filter((candidate) => candidate !== "user" && candidate !== "arn")) {
      const missing = parse(
        text(
          ROW,
          NAMES.filter((other) => other !== name),
        ),
      );
      for (const value of ["", "1", "yes", "not_supported", "TRUE ", "2026-13-45T00:00:00+00:00", "-"]) {
        assert.deepEqual(parse(text({ ...ROW, [name]: value })), missing, `${name}: ${value}`);
      }
    }
    const bare = parse(text(ROW, ["user", "arn"]));
    assert.deepEqual(
      [bare.mfaActive, bare.passwordLastChanged, bare.accessKeys[0]?.isPresent, bare.certificates[1]?.isPresent],
      [null, null, null, null],
    );
  });

  it("takes yes and no in any case, and a time with any offset", () => {
    const { mfaActive, passwordLastChanged } = parse(
      text({ ...ROW, mfa_active: "TRUE", password_last_changed: "2026-11-02T12:05:12+02:00" }),
    );
    assert.deepEqual([mfaActive, passwordLastChanged], [true, "2026-11-02T10:05:12.000Z"]);
  });

  it("is refused where it is missing, doubled, cut or of another account", () => {
    assert.equal(refusal(""), "aws_answer_is_malformed");
    assert.equal(refusal(text({ ...ROW, user: "smith" })), "aws_answer_is_malformed");
    assert.equal(refusal(`${text(ROW)}${text(ROW)}`), "aws_answer_is_malformed");
    assert.equal(refusal(text(ROW).replace(",N/A\n", "\n")), "aws_answer_is_malformed");
    assert.equal(refusal(text(ROW).replace("mfa_active", "arn")), "aws_answer_is_malformed");
    assert.equal(refusal(text(ROW).replace("user,arn", "usr,arn")), "aws_answer_is_malformed");
    assert.equal(refusal(text(ROW).replace("not_supported,true", 'not_supported,"true')), "aws_answer_is_malformed");
    assert.equal(refusal(text({ ...ROW, arn: "arn:aws:iam::999999999999:root" })), "aws_wrong_account");
    assert.equal(refusal(text({ ...ROW, arn: "arn:aws-cn:iam::111122223333:root" })), "aws_wrong_account");
  });

  it("is not looked for in the lines of users", () => {
    assert.equal(parse(`${text(ROW)}smith,true,arn:aws:iam::111122223333:user/smith,"broken\n`).mfaActive, true);
  });
});
