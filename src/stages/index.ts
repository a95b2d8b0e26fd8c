/** @file Every stage class that saved models and workers can name: one line each. */

import { Pipeline, PipelineModel } from "../pipeline/pipeline.js";
import { registerStages } from "../pipeline/registry.js";

registerStages(Pipeline);
registerStages(PipelineModel);
