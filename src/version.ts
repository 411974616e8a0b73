/** The version of this build; a static test compares it with package.json. */
export const VERSION = "0.1.0";
