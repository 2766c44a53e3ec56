// Starts what makes pages comfortable. Everything works without it.
import { startHeld } from "./held.js";
import { startKeys } from "./keys.js";
import { startLive } from "./live.js";
import { startTheme } from "./theme.js";
import { startCopying } from "./copy.js";

startTheme();
startKeys();
startCopying();
startHeld();
startLive();
