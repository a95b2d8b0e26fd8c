/** @file Copies what tsc leaves behind (HTML templates, JSON, Python) from src/ into a build folder. */

import { cpSync } from "node:fs";

const target = process.argv[2];
cpSync("src", target, { recursive: true, filter: (path) => !/\.(ts|proto|c)$/.test(path) });
