import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Metrics } from "../../../src/telemetry/metrics.js";

describe("metrics", () => {
  it("render in the Prometheus text format", () => {
    const metrics = new Metrics();
    metrics.add("rootkeep_requests_total", { operation: "secret.reveal", code: "OK" });
    metrics.add("rootkeep_requests_total", { operation: "secret.reveal", code: "OK" }, 2);
    const text = metrics.render();
    assert.match(text, /^# TYPE rootkeep_requests_total counter\nrootkeep_requests_total\{operation="secret.reveal",code="OK"\} 3$/m);
    assert.match(text, /^rootkeep_rows_refused_total 0$/m);
    assert.ok(text.endsWith("\n"));
  });

  it("never grow by what a caller sends: a label outside its list counts as other", () => {
    const metrics = new Metrics();
    for (let index = 0; index < 50; index++) metrics.add("rootkeep_requests_total", { operation: `x"}\n${String(index)}`, code: "OK" });
    const series = metrics.render().match(/^rootkeep_requests_total\{.*$/gm);
    assert.deepEqual(series, ['rootkeep_requests_total{operation="other",code="OK"} 50']);
  });

  it("let no counter fall", () => {
    const metrics = new Metrics();
    metrics.add("rootkeep_rows_refused_total", {}, 2);
    metrics.add("rootkeep_rows_refused_total", {}, -1);
    assert.match(metrics.render(), /^rootkeep_rows_refused_total 2$/m);
  });
});
