import { Body, Controller, Get, Headers, Param, Post, Query } from "@nestjs/common";
import { ApiBody, ApiConsumes, ApiCreatedResponse, ApiOkResponse, ApiTags } from "@nestjs/swagger";
import { RootkeepError } from "../kernel/errors.js";
import { parseId } from "../kernel/ids.js";
import { CurrentPerson } from "../wire/caller.decorator.js";
import type { PersonCaller } from "../wire/caller.js";
import { Operation } from "../wire/operation.decorator.js";
import { ImportAccounts } from "./import-accounts.service.js";
import { ImportProgressReply, ImportQuery, ImportReply } from "./imports.dto.js";

/** Imports of accounts with their root credentials. */
@ApiTags("imports")
@Controller("v1/imports")
export class ImportsController {
  constructor(private readonly importAccounts: ImportAccounts) {}

  @Post()
  @Operation("account.import")
  @ApiConsumes("text/csv", "application/x-ndjson")
  @ApiBody({ description: "A file as docs/spec/import-csv.md or import-jsonl.md has it.", schema: { type: "string" } })
  @ApiCreatedResponse({ type: ImportReply, description: "Imported. Rejected files answer 400 with line, field and rule of every fault." })
  async run(
    @CurrentPerson() caller: PersonCaller,
    @Query() query: ImportQuery,
    @Headers("content-type") contentType: string | undefined,
    @Body() file: unknown,
  ): Promise<ImportReply> {
    // Anything else was parsed as JSON, and a file of credentials must not have passed through a parser that copies it.
    if (!Buffer.isBuffer(file)) {
      throw new RootkeepError("MALFORMED", { fields: [{ field: "body", rule: "is a file of type text/csv or application/x-ndjson" }] });
    }
    return await this.importAccounts.run(caller, file, {
      format: /^\s*text\/csv\b/i.test(contentType ?? "") ? "csv" : "jsonl",
      isDryRun: query.dryRun === "true",
      onError: query.onError ?? "reject",
      fromLine: Number(query.fromLine ?? "1"),
      ...(query.importId === undefined ? {} : { importId: parseId("import", query.importId) }),
    });
  }

  @Get(":id")
  @Operation("import.read")
  @ApiOkResponse({
    type: ImportProgressReply,
    description: "How far the import is. The replica that runs it knows, until it is restarted.",
  })
  progress(@Param("id") id: string): ImportProgressReply {
    return this.importAccounts.progressOf(parseId("import", id));
  }
}
