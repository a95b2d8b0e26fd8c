/** @file Predictions by formula to measure, the same as in test/reference/metrics.py. */

/** 120 rows of 4 classes of which label 3 is never predicted. */
export function predictions() {
  return Array.from({ length: 120 }, (_, i) => {
    const label = (i * i + Math.floor(i / 7)) % 4;
    const scores = [0, 1, 2, 3].map((k) => Math.sin(1.3 * i + 2.1 * k) + (k === label ? 1.2 : 0) - (k === 3 ? 9 : 0));
    const total = scores.reduce((sum, score) => sum + Math.exp(score), 0);
    const probability = scores.map((score) => Math.exp(score) / total);
    return { label, prediction: probability.indexOf(Math.max(...probability)), probability, weight: 0.5 + (i % 3) };
  });
}

/** 300 rows of labels 0 and 1 with scores rounded to 0.1, so that many are equal, and exact ones. */
export function binaryScores() {
  return Array.from({ length: 300 }, (_, i) => {
    const label = Math.sin(7.7 * i) > 0.2 ? 1 : 0;
    const exact = Math.sin(3.1 * i) + 0.8 * label;
    return { label, rounded: Math.floor(10 * exact + 0.5) / 10, exact, weight: 0.5 + (i % 3) };
  });
}

/** 80 rows of numbers with predictions of them. */
export function numberPredictions() {
  return Array.from({ length: 80 }, (_, i) => ({
    label: 10 + 3 * Math.sin(0.7 * i),
    prediction: 10.2 + 2.5 * Math.sin(0.7 * i + 0.3),
    weight: 0.5 + (i % 3),
  }));
}
