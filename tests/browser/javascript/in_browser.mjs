// What the page of a foreign site loads: the functions of the scenario are the window's afterwards.

import * as scenario from "./scenario.mjs";

globalThis.scenario = scenario;
