/** @file ConfusionMatrix: how often each label was predicted as which, and the rates that follow. */

/** Numbers of a column, one per row. */
export type Numbers = ArrayLike<number>;

/**
 * Weights of rows by label and prediction, for any finite numbers as classes. Mergeable. Rates are those of Spark ML's
 * MulticlassMetrics: one whose denominator is 0 is 0.
 *
 * @example
 * const matrix = new ConfusionMatrix();
 * matrix.add([0, 0, 1], [0, 1, 1]);
 * matrix.recall(0); // 0.5
 */
export class ConfusionMatrix {
  /** Rows left out because label, prediction or weight was no number. */
  invalid = 0;
  /** Rows counted. */
  rows = 0;
  /** Weight of all rows. */
  total = 0;
  readonly #places = new Map<number, number>();
  #capacity = 4;
  #counts = new Float64Array(16);

  /** Adds rows. */
  add(labels: Numbers, predictions: Numbers, weights?: Numbers): void {
    for (let i = 0; i < labels.length; i++) {
      const [label, prediction, weight] = [labels[i]!, predictions[i]!, weights?.[i] ?? 1];
      if (!(Number.isFinite(label) && Number.isFinite(prediction) && Number.isFinite(weight))) this.invalid++;
      else {
        this.rows++;
        this.#count(label, prediction, weight);
      }
    }
  }

  /** Adds the rows that another matrix has counted. */
  merge(other: ConfusionMatrix): void {
    this.invalid += other.invalid;
    this.rows += other.rows;
    for (const label of other.classes) {
      for (const prediction of other.classes) this.#count(label, prediction, other.count(label, prediction));
    }
  }

  /** Every number seen as a label or a prediction, in order. */
  get classes(): number[] {
    return [...this.#places.keys()].sort((a, b) => a - b);
  }

  /** Those that were labels. */
  get labels(): number[] {
    return this.classes.filter((label) => this.support(label) > 0);
  }

  /** Weight of the rows with this label that were predicted so. */
  count(label: number, prediction: number): number {
    const [row, column] = [this.#places.get(label), this.#places.get(prediction)];
    return row === undefined || column === undefined ? 0 : this.#counts[row * this.#capacity + column]!;
  }

  /** Weight of the rows with this label. */
  support(label: number): number {
    return this.#sum((other) => this.count(label, other));
  }

  /** Weight of the rows predicted so. */
  predicted(label: number): number {
    return this.#sum((other) => this.count(other, label));
  }

  get accuracy(): number {
    return ratio(
      this.#sum((label) => this.count(label, label)),
      this.total,
    );
  }

  precision(label: number): number {
    return ratio(this.count(label, label), this.predicted(label));
  }

  /** True positive rate. */
  recall(label: number): number {
    return ratio(this.count(label, label), this.support(label));
  }

  falsePositiveRate(label: number): number {
    return ratio(this.predicted(label) - this.count(label, label), this.total - this.support(label));
  }

  /** (1 + beta^2) precision recall / (beta^2 precision + recall). */
  fMeasure(label: number, beta = 1): number {
    const [precision, recall] = [this.precision(label), this.recall(label)];
    return ratio((1 + beta * beta) * precision * recall, beta * beta * precision + recall);
  }

  /** Mean of a rate over labels, each as heavy as its rows. */
  weighted(rate: (label: number) => number): number {
    return ratio(
      this.#sum((label) => rate(label) * this.support(label)),
      this.total,
    );
  }

  /** Mean of a rate over all classes seen, each as heavy as the others. */
  macro(rate: (label: number) => number): number {
    return ratio(this.#sum(rate), this.#places.size);
  }

  #sum(part: (label: number) => number): number {
    let sum = 0;
    for (const label of this.#places.keys()) sum += part(label);
    return sum;
  }

  #count(label: number, prediction: number, weight: number): void {
    // both places first: finding a new one may move the counts
    const [row, column] = [this.#placeOf(label), this.#placeOf(prediction)];
    this.#counts[row * this.#capacity + column]! += weight;
    this.total += weight;
  }

  #placeOf(label: number): number {
    const known = this.#places.get(label);
    if (known !== undefined) return known;
    const place = this.#places.size;
    this.#places.set(label, place);
    if (place === this.#capacity) this.#grow();
    return place;
  }

  #grow(): void {
    const before = this.#capacity;
    this.#capacity = 2 * before;
    const counts = new Float64Array(this.#capacity ** 2);
    for (let i = 0; i < before; i++)
      counts.set(this.#counts.subarray(i * before, (i + 1) * before), i * this.#capacity);
    this.#counts = counts;
  }
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
