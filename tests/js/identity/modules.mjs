// The page's modules that need no network and no window.
import { page } from "./page.mjs";

export const lib = await page("idl", "keys", "puzzle", "@icp-sdk/core/agent", "@icp-sdk/core/identity", "@icp-sdk/core/candid", "@icp-sdk/core/principal");
