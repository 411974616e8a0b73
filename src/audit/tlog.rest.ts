import { Controller, Get, Param, Query, Res, StreamableFile } from "@nestjs/common";
import { ApiOkResponse, ApiParam, ApiTags } from "@nestjs/swagger";
import { RootkeepError } from "../kernel/errors.js";
import { CurrentPerson } from "../wire/caller.decorator.js";
import type { PersonCaller } from "../wire/caller.js";
import { Operation } from "../wire/operation.decorator.js";
import { parsePage } from "../wire/paging.js";
import type { HeaderReply } from "../wire/reply.js";
import { LogReading } from "./log-reading.port.js";
import { CheckpointsQuery, CheckpointsReply, ConsistencyQuery, ConsistencyReply, InclusionQuery, InclusionReply } from "./tlog.dto.js";
import { TlogReader } from "./tlog-reader.service.js";

const TEXT = "text/plain; charset=utf-8";
const OCTETS = "application/octet-stream";
const TEXT_CONTENT = { "text/plain": { schema: { type: "string" } } } as const;
const OCTETS_CONTENT = { [OCTETS]: { schema: { type: "string", format: "binary" } } } as const;
/** Full tiles never change; they name what happened to whom, so only the reader's own cache may keep them. */
const FOR_EVER = "private, max-age=604800, immutable";
const SEQ = /^(?:0|[1-9]\d{0,11})$/;

/** The signed tree, under the paths of C2SP tlog-tiles, and what is proven by it. */
@ApiTags("audit")
@Controller("v1/audit")
export class TlogController {
  constructor(
    private readonly reader: TlogReader,
    private readonly reading: LogReading,
  ) {}

  @Get("tlog/checkpoint")
  @Operation("audit.export")
  @ApiOkResponse({ description: "The newest checkpoint: a C2SP signed note, with the cosignatures that there are.", content: TEXT_CONTENT })
  async checkpoint(): Promise<StreamableFile> {
    const { note } = await this.reader.newest();
    return asText(note);
  }

  @Get("tlog/tile/*")
  @Operation("audit.export")
  @ApiParam({ name: "path", type: String, description: "`<L>/<N>[.p/<W>]` or `entries/<N>[.p/<W>]`; slashes stand as they are." })
  @ApiOkResponse({ description: "A tile of hashes, or a bundle of entries.", content: OCTETS_CONTENT })
  async tile(
    @CurrentPerson() { personId }: PersonCaller,
    @Param() { "*": path = "" }: Readonly<Record<string, string>>,
    @Res({ passthrough: true }) reply: HeaderReply,
  ): Promise<StreamableFile> {
    // Bundles of entries are tiles, too.
    await this.reading.assertAll(personId, "audit.export");
    const { bytes, isFull } = await this.reader.tile(`tile/${path}`);
    if (isFull) reply.header("Cache-Control", FOR_EVER);
    return new StreamableFile(bytes, { type: OCTETS, length: bytes.length });
  }

  @Get("checkpoints")
  @Operation("audit.read")
  @ApiOkResponse({ type: CheckpointsReply, description: "Every checkpoint that was issued, by size." })
  async checkpoints(@Query() query: CheckpointsQuery): Promise<CheckpointsReply> {
    const { limit } = parsePage({ limit: query.limit });
    const issued = await this.reader.checkpoints(Number(query.after ?? "0"), limit + 1);
    const items = issued.slice(0, limit).map(({ size, root, note }) => ({ size, root: root.toString("base64"), note }));
    const last = items.at(-1);
    return { items, next: issued.length > limit && last !== undefined ? String(last.size) : null };
  }

  @Get("verifier-key")
  @Operation("audit.read")
  @ApiOkResponse({
    description: "The key by which checkpoints are checked, as a line of `log.vkey`. Compare it with one that you have from elsewhere.",
    content: TEXT_CONTENT,
  })
  key(): StreamableFile {
    return asText(this.reader.keyLines());
  }

  @Get("entries/:seq/proof")
  @Operation("audit.read")
  @ApiOkResponse({ description: "The C2SP `.tlog-proof` of an entry, under the newest checkpoint.", content: TEXT_CONTENT })
  async entryProof(@Param("seq") seq: string): Promise<StreamableFile> {
    if (!SEQ.test(seq)) throw new RootkeepError("NOT_FOUND");
    return asText(await this.reader.entryProof(Number(seq)));
  }

  @Get("proofs/inclusion")
  @Operation("audit.read")
  @ApiOkResponse({ type: InclusionReply, description: "Proof that an entry stands in the tree of a size (RFC 9162 §2.1.3)." })
  async inclusion(@Query() query: InclusionQuery): Promise<InclusionReply> {
    const [index, size] = [Number(query.index), Number(query.size)];
    const { hashes, root } = await this.reader.inclusion(index, size);
    return { index, size, root: root.toString("base64"), hashes: hashes.map((hash) => hash.toString("base64")) };
  }

  @Get("proofs/consistency")
  @Operation("audit.read")
  @ApiOkResponse({ type: ConsistencyReply, description: "Proof that a larger tree begins with a smaller one (RFC 9162 §2.1.4)." })
  async consistency(@Query() query: ConsistencyQuery): Promise<ConsistencyReply> {
    const [from, to] = [Number(query.from), Number(query.to)];
    const { hashes, root, oldRoot } = await this.reader.consistency(from, to);
    return {
      from,
      to,
      fromRoot: oldRoot.toString("base64"),
      toRoot: root.toString("base64"),
      hashes: hashes.map((hash) => hash.toString("base64")),
    };
  }
}

function asText(text: string | Buffer): StreamableFile {
  const bytes = Buffer.from(text as string);
  return new StreamableFile(bytes, { type: TEXT, length: bytes.length });
}
