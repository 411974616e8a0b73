import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Controller, Get } from "@nestjs/common";
import { declaredRoutes } from "../../../src/edge/route-check.js";
import type { Operation as OperationName } from "../../../src/kernel/operations.js";
import { OPERATION_NAMES } from "../../../src/kernel/operations.js";
import { Operation } from "../../../src/wire/operation.decorator.js";
import { edgeApp } from "../../support/edge-app.js";

@Controller("rogue")
class Unmarked {
  @Get("open")
  open(): string {
    return "anybody";
  }
}

@Controller("rogue")
class Misnamed {
  @Get("named")
  @Operation("secret.peek" as OperationName)
  named(): string {
    return "anybody";
  }
}

@Controller("rogue")
class Twice {
  @Get("twice")
  @Operation("person.self")
  one(): string {
    return "one";
  }

  @Get("/twice/")
  @Operation("session.list")
  other(): string {
    return "other";
  }
}

describe("the boot check of routes", () => {
  it("refuses a route without an operation", async () => {
    await assert.rejects(edgeApp({ controllers: [Unmarked] }), /GET \/rogue\/open \(Unmarked\.open\) has no operation of the list/);
  });

  it("refuses a route with an operation that is not on the list", async () => {
    await assert.rejects(edgeApp({ controllers: [Misnamed] }), /GET \/rogue\/named \(Misnamed\.named\) has no operation of the list/);
  });

  it("refuses a path that two methods claim", async () => {
    await assert.rejects(edgeApp({ controllers: [Twice] }), /twice/);
  });

  it("lets an application pass in which every operation has a route", async () => {
    const edge = await edgeApp();
    try {
      const operations = new Set(declaredRoutes(edge.app).map(({ operation }) => operation));
      assert.deepEqual([...operations].sort(), [...OPERATION_NAMES].sort());
    } finally {
      await edge.close();
    }
  });
});
