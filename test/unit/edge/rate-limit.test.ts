import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TokenBuckets } from "../../../src/edge/rate-limit.js";
import { networkOf } from "../../../src/people/network.js";

function bucketsAt(settings: { burst: number; perSecond: number; addressesMax?: number }) {
  const clock = { at: 0 };
  return { clock, buckets: new TokenBuckets({ addressesMax: 100, ...settings }, () => clock.at) };
}

describe("token buckets", () => {
  it("let a burst pass, then say how long to wait", () => {
    const { buckets } = bucketsAt({ burst: 3, perSecond: 0.5 });
    assert.deepEqual(
      [1, 2, 3, 4].map(() => buckets.take("192.0.2.1")),
      [0, 0, 0, 2],
    );
  });

  it("refill with time, and never beyond the burst", () => {
    const { clock, buckets } = bucketsAt({ burst: 2, perSecond: 1 });
    buckets.take("192.0.2.1");
    buckets.take("192.0.2.1");
    assert.equal(buckets.take("192.0.2.1"), 1);
    clock.at = 1_000;
    assert.equal(buckets.take("192.0.2.1"), 0);
    clock.at = 1_000_000;
    assert.deepEqual(
      [1, 2, 3].map(() => buckets.take("192.0.2.1")),
      [0, 0, 1],
    );
  });

  it("do not prolong the wait of somebody who keeps asking", () => {
    const { clock, buckets } = bucketsAt({ burst: 1, perSecond: 1 });
    buckets.take("192.0.2.1");
    for (clock.at = 0; clock.at < 1_000; clock.at += 250) assert.equal(buckets.take("192.0.2.1"), 1);
    assert.equal(buckets.take("192.0.2.1"), 0);
  });

  it("keep addresses apart", () => {
    const { buckets } = bucketsAt({ burst: 1, perSecond: 1 });
    assert.equal(buckets.take("192.0.2.1"), 0);
    assert.equal(buckets.take("192.0.2.2"), 0);
    assert.equal(buckets.take("192.0.2.1"), 1);
  });

  it("remember no more addresses than they may, and forget the quietest first", () => {
    const { buckets } = bucketsAt({ burst: 1, perSecond: 0.001, addressesMax: 3 });
    for (const address of ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.1", "192.0.2.4"]) buckets.take(address);
    assert.equal(buckets.size, 3);
    assert.ok(buckets.take("192.0.2.1") > 0);
    assert.equal(buckets.take("192.0.2.2"), 0);
  });

  it("count a whole /64 of IPv6 as one caller, and IPv4 in IPv6 as IPv4", () => {
    assert.equal(networkOf("2001:db8:1:2:3:4:5:6"), networkOf("2001:db8:1:2::9"));
    assert.notEqual(networkOf("2001:db8:1:2::9"), networkOf("2001:db8:1:3::9"));
    assert.equal(networkOf("2001:DB8::1"), "2001:db8:0:0");
    assert.equal(networkOf("::1"), "0:0:0:0");
    assert.equal(networkOf("fe80::1%eth0"), "fe80:0:0:0");
    assert.equal(networkOf("::ffff:192.0.2.1"), "192.0.2.1");
    assert.equal(networkOf("192.0.2.1"), "192.0.2.1");
  });
});
