// The models at full counts: `npm run model [-- NAME]`; a name is that of a folder of this one, such as `grants`. The last line is one JSON
// object: what was tried and what was violated.
import { longRun } from "../runner/long-run.js";

const code = await longRun({ suite: "model", called: "models", fileTimeoutMs: 3 * 60 * 60_000 }, process.argv[2]);
process.stdout.write("", () => process.exit(code));
