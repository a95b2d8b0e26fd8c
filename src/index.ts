/** @file The public surface of deepframe. */

import "./stages/index.js";

export { Session, type SessionOptions } from "./session.js";
