/** @file session.read: files as DataFrames. */

import { listNames, ParamError } from "../errors.js";
import { DataFrame } from "./dataframe.js";
import type { Engine } from "./engine.js";
import { expectCount, expectOptions } from "./expect.js";
import type { ReadPlan } from "./plan.js";
import { Schema } from "./schema.js";

/** Names of files that hold pictures. */
export const picturePattern = /\.(jpe?g|jfif|png|webp|bmp|dib|gif|tiff?|avif)$/i;

/** One path or several; a folder stands for the files in it, and `*`, `**`, `?`, `[ab]` are patterns. */
export type Paths = string | readonly string[];

/** What becomes of rows that have another number of fields than there are columns, or values that do not fit their types. */
const csvModes = ["FAILFAST", "PERMISSIVE", "DROPMALFORMED"] as const;
export type CsvMode = (typeof csvModes)[number];

export interface CsvOptions {
  /** Whether the first line holds the columns' names. Default: looked up in the file. */
  readonly header?: boolean;
  readonly delimiter?: string;
  readonly quote?: string;
  /** What stands before a quote within a quoted text. Default: looked up in the file, else another quote. */
  readonly escape?: string;
  /** Text that stands for null. Default: the empty field. */
  readonly nullValue?: string;
  /** Lines that begin with this character are left out. Default: none is. */
  readonly comment?: string;
  /** Lines to leave out at each file's beginning. Not on Spark. */
  readonly skip?: number;
  /** Whether quoted texts go over several lines, which costs Spark a task per file. Others than Spark read such texts always. */
  readonly multiLine?: boolean;
  /**
   * As in Spark: `FAILFAST` (the default here) tells the first bad row, with file, line and what was expected; `DROPMALFORMED`
   * leaves bad rows out; `PERMISSIVE` fills short rows up with nulls, cuts long ones off, and makes values that do not fit null.
   */
  readonly mode?: CsvMode | Lowercase<CsvMode>;
  /** Names of the columns, where the file has none. */
  readonly names?: readonly string[];
  /** Types of columns by name, as in `{ zip: "string" }`; the others are looked up in the file. */
  readonly types?: Readonly<Record<string, string>>;
}

const csvOptionNames = [
  "header",
  "delimiter",
  "quote",
  "escape",
  "nullValue",
  "comment",
  "skip",
  "multiLine",
  "mode",
  "names",
  "types",
] as const satisfies readonly (keyof CsvOptions)[];

export interface ImageOptions {
  /** Adds a column with the name of each picture's folder; a string names the column, `true` calls it `label`. */
  readonly labelFromFolder?: string | boolean;
}

export interface LibsvmOptions {
  /** Numbers per vector; by default the greatest index in the files. */
  readonly numFeatures?: number;
}

/**
 * Reads files; nothing is read before rows are asked for, but what is needed to know the columns.
 *
 * @example const flowers = session.read.images("flowers/", { labelFromFolder: "label" });
 */
export class DataFrameReader {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  parquet(paths: Paths): DataFrame {
    return this.#read("parquet", paths);
  }

  /**
   * Separator, header and types are looked up in the file unless given. Compressed files (.gz, .zst) too. Several files have
   * the same columns; where they have a header, in any order.
   *
   * No row is lost unless asked for: what does not fit is an error with file and line, or what `mode` says.
   */
  csv(paths: Paths, options: CsvOptions = {}): DataFrame {
    expectOptions(options, "read.csv", csvOptionNames);
    const { delimiter, skip, mode = "FAILFAST" } = options;
    if (skip !== undefined) expectCount(skip, "read.csv", "skip");
    if (delimiter === "")
      throw new ParamError("read.csv", 'delimiter must have a character, got ""; leave it out to have it looked up');
    const wanted = csvModes.find((each) => each === String(mode).toUpperCase());
    if (wanted === undefined) {
      throw new ParamError("read.csv", `mode must be one of ${listNames(csvModes)}, got ${JSON.stringify(mode)}`);
    }
    return this.#read("csv", paths, { ...options, mode: wanted });
  }

  /** One JSON object per line, or an array of objects. */
  json(paths: Paths): DataFrame {
    return this.#read("json", paths);
  }

  /**
   * Pictures of a folder and the folders in it, sorted by path: columns `path` (string), `image` (the encoded bytes) and,
   * if asked for, the label. JPEG, PNG, WebP, BMP, GIF, TIFF and AVIF by their extensions; other files are left out.
   */
  images(paths: Paths, options: ImageOptions = {}): DataFrame {
    expectOptions(options, "read.images", ["labelFromFolder"]);
    const { labelFromFolder } = options;
    const label = labelFromFolder === true ? "label" : labelFromFolder || undefined;
    if (label === "path" || label === "image") {
      throw new ParamError("read.images", `labelFromFolder must not be "${label}", which is a column already`);
    }
    const schema = Schema.of({
      path: "string",
      image: "binary",
      ...(label === undefined ? {} : { [label]: "string" }),
    });
    return this.#read("images", paths, { label }, schema);
  }

  /** Whole files: columns `path`, `modificationTime`, `length` and `content`, sorted by path, as in Spark. */
  binaryFiles(paths: Paths): DataFrame {
    const schema = Schema.of({ path: "string", modificationTime: "timestamp", length: "bigint", content: "binary" });
    return this.#read("binaryFiles", paths, {}, schema);
  }

  /** LIBSVM lines (`label index:value …`, indices from 1): columns `label` (double) and `features` (double vector). */
  libsvm(paths: Paths, options: LibsvmOptions = {}): DataFrame {
    expectOptions(options, "read.libsvm", ["numFeatures"]);
    if (options.numFeatures !== undefined) expectCount(options.numFeatures, "read.libsvm", "numFeatures", 1);
    return this.#read("libsvm", paths, { ...options });
  }

  /**
   * IDX files, as MNIST's, gzipped or not: one row per first dimension, each a number or a tensor. One path gives the
   * column `value`; several, by column name, give a column each.
   *
   * @example session.read.idx({ image: "train-images-idx3-ubyte.gz", label: "train-labels-idx1-ubyte.gz" })
   */
  idx(paths: string | Readonly<Record<string, string>>): DataFrame {
    const columns = typeof paths === "string" ? { value: paths } : paths;
    return this.#read("idx", Object.values(columns), { names: Object.keys(columns) });
  }

  #read(format: ReadPlan["format"], paths: Paths, options: ReadPlan["options"] = {}, schema?: Schema): DataFrame {
    const list = [paths].flat();
    if (list.length === 0 || list.some((path) => typeof path !== "string" || path === "")) {
      throw new ParamError(`read.${format}`, "give at least one path, each a text that is not empty");
    }
    return new DataFrame({ kind: "read", format, paths: list, options, schema }, this.#engine);
  }
}
