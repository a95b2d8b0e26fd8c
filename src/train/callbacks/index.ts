/** @file Callbacks, as `callbacks`. */

export { csvLogger } from "./csv-logger.js";
export { earlyStopping } from "./early-stopping.js";
export { eventsLog, type RunEvent } from "./events-log.js";
export { history, lambdaCallback } from "./lambda-callback.js";
export { learningRateScheduler, reduceLROnPlateau } from "./learning-rate.js";
export { modelCheckpoint } from "./model-checkpoint.js";
export { type ProgressBarOptions, progressBar } from "./progress-bar.js";
export { tensorBoard } from "./tensor-board.js";
