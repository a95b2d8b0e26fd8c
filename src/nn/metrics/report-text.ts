/** @file A classification report as tables for a terminal. */

import type { ClassificationReport, ClassRates } from "./classification-report.js";

/** Classes whose confusion matrix still fits a screen. */
const mostColumns = 20;
const longestName = 24;

export function formatReport(report: ClassificationReport): string {
  const { classes, accuracy, total, macro, weighted, logLoss, confusion } = report;
  const names = classes.map(({ name }) => shorten(name));
  const rates = ({ precision, recall, f1, support }: ClassRates) => [
    ...[precision, recall, f1].map((rate) => rate.toFixed(3)),
    count(support),
  ];
  const lines = [
    ...table([
      ["", "precision", "recall", "f1", "support"],
      ...classes.map((one, i) => [names[i]!, ...rates(one)]),
      [],
      ["accuracy", "", "", accuracy.toFixed(3), count(total)],
      ["macro average", ...rates(macro)],
      ["weighted average", ...rates(weighted)],
    ]),
  ];
  if (logLoss !== undefined) {
    const topK = [2, 3, 5].filter((k) => k < classes.length).map((k) => `top-${k} ${report.topK(k)!.toFixed(3)}`);
    lines.push("", [`log loss ${logLoss.toFixed(4)}`, ...topK].join(", "));
  }
  if (classes.length <= mostColumns) {
    const header = ["label \\ predicted", ...names.map((name) => name.slice(0, 12))];
    lines.push("", ...table([header, ...confusion.map((row, i) => [names[i]!, ...row.map(count)])]));
  }
  return lines.join("\n");
}

/** Rows with columns of equal width, the first to the left, the others to the right. */
function table(rows: readonly (readonly string[])[]): string[] {
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join("  ")
      .trimEnd(),
  );
}

function shorten(name: string): string {
  return name.length > longestName ? `${name.slice(0, longestName - 1)}…` : name;
}

function count(weight: number): string {
  return Number.isInteger(weight) ? String(weight) : weight.toFixed(1);
}
