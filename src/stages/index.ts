/** @file Every stage class that saved models and workers can name: one line each. */

import { Pipeline, PipelineModel } from "../pipeline/pipeline.js";
import { registerStages } from "../pipeline/registry.js";
import { Bucketizer } from "./feature/bucketizer.js";
import { IndexToString } from "./feature/index-to-string.js";
import { VectorAssembler } from "./feature/vector-assembler.js";

registerStages(Pipeline);
registerStages(PipelineModel);
registerStages(VectorAssembler);
registerStages(IndexToString);
registerStages(Bucketizer);
