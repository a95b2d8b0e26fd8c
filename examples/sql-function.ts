/** @file A model as a SQL function: node sql-function.js FOLDER [URL] (one folder per class). */

import { ImageFeaturizer, IndexToString, LogisticRegression, Pipeline, Session, StringIndexer } from "deepframe";

const session = await Session.open(process.argv[3]);
const photos = session.read.images(process.argv[2] ?? "photos/", { labelFromFolder: "label" });
await photos.createOrReplaceTempView("photos");

const features = new ImageFeaturizer({ inputCol: "image", outputCol: "features" }).transform(photos).cache();
const labels = await new StringIndexer({ inputCol: "label", outputCol: "labelIndex" }).fit(features);
const model = await new Pipeline([
  new ImageFeaturizer({ inputCol: "image", outputCol: "features" }),
  await new LogisticRegression({ featuresCol: "features", labelCol: "labelIndex" }).fit(labels.transform(features)),
  new IndexToString({ inputCol: "prediction", outputCol: "name", labels: labels.labels }),
]).fit(photos);

// what the last stage adds is the result: the label's name
const flower = await session.registerFunction("flower", model);
console.log(flower.signature);
await session.sql("SELECT label, flower(image) AS guess FROM photos LIMIT 5").show();
await session
  .sql(
    `SELECT label, flower(image) AS guess, count(*) AS pictures
     FROM photos GROUP BY label, flower(image) ORDER BY label, pictures DESC`,
  )
  .show();
await session.close();
