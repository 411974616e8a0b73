import { BROKERED_ROWS } from "./catalogue-brokered.js";
import { CONSOLE_ROWS } from "./catalogue-console.js";
import { NONE_ROWS } from "./catalogue-none.js";
import { OPERATIONAL_ROWS } from "./catalogue-operational.js";
import { assertNoHole, type CatalogueRow, loadCatalogue } from "./load-catalogue.js";

/** Every row of the catalogue that this build ships, unchecked. */
export const CATALOGUE_ROWS: readonly CatalogueRow[] = [...CONSOLE_ROWS, ...BROKERED_ROWS, ...OPERATIONAL_ROWS, ...NONE_ROWS];

/** The purposes of this build. Loading them is the check of them: a bad row or a hole stops the start (laws L2 and L7). */
export const CATALOGUE = assertNoHole(loadCatalogue(CATALOGUE_ROWS));

/** `c1-` and 16 hex digits of SHA-256 over the canonical JSON of the loaded entries. */
export const CATALOGUE_VERSION = CATALOGUE.version;
