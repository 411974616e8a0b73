import { Controller, Get } from "@nestjs/common";
import { ApiOkResponse, ApiTags } from "@nestjs/swagger";
import { Operation } from "../wire/operation.decorator.js";
import { CATALOGUE } from "./catalogue.js";
import { type CatalogueEntry, isReferral } from "./purpose.js";
import { PurposeReply, PurposesReply } from "./purposes.dto.js";

/** What root may be needed for, and what it is not needed for. */
@ApiTags("purposes")
@Controller("v1/purposes")
export class PurposesController {
  @Get()
  @Operation("purpose.list")
  @ApiOkResponse({ type: PurposesReply, description: "The whole catalogue." })
  list(): PurposesReply {
    return { catalogue: CATALOGUE.version, items: CATALOGUE.entries.map(purposeReply), next: null };
  }
}

function purposeReply(entry: CatalogueEntry): PurposeReply {
  const { slug, title, scope, way } = entry;
  // A referral opens nothing: it has no terms to show, only the better way (law L7).
  if (isReferral(entry))
    return { slug, title, scope, route: entry.route, kinds: [], approvals: 0, minutes: 0, codes: 0, heals: false, way };
  const { route, kinds, approvals, minutes, codes, heals } = entry;
  return { slug, title, scope, route, kinds, approvals, minutes, codes, heals, way };
}
