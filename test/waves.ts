/** @file A small training set by formula, the same as in test/reference/logistic_regression.py. */

export interface Example {
  readonly features: readonly number[];
  readonly label: number;
  readonly weight: number;
}

/** 90 rows of 4 numbers whose 2 or 3 classes overlap. The third column is small, the fourth has an offset. */
export function waves(classes: 2 | 3): Example[] {
  return Array.from({ length: 90 }, (_, i) => {
    const features = [
      Math.sin(1 + 0.7 * i),
      Math.cos(0.37 * i * i),
      0.01 * Math.sin(2.1 * i),
      50 + 3 * Math.cos(0.9 * i),
    ] as const;
    const [a, b, c, d] = features;
    const score = 1.5 * a - b + 80 * c + 0.2 * (d - 50) + 2.5 * Math.sin(12.9898 * i);
    const label = score < -0.6 ? 0 : score < 0.9 || classes === 2 ? 1 : 2;
    return { features, label, weight: weightOf(i) };
  });
}

/** Rows of one of the shared tables (numbers, the last column is the label). */
export function examplesOf(csv: string): Example[] {
  const lines = csv.trim().split("\n").slice(1);
  return lines.map((line, i) => {
    const values = line.split(",").map(Number);
    return { features: values.slice(0, -1), label: values.at(-1)!, weight: weightOf(i) };
  });
}

function weightOf(row: number): number {
  return 0.5 + (row % 4);
}
