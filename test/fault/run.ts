// The bad days at full counts: `npm run faults [-- NAME]`; a name is that of one file of this folder, such as `openings`. The last line is one
// JSON object: what was tried and what was violated.
import { longRun } from "../runner/long-run.js";

const code = await longRun({ suite: "fault", called: "faults", fileTimeoutMs: 30 * 60_000 }, process.argv[2]);
process.stdout.write("", () => process.exit(code));
