/** @file What a bench suite gives, and how it measures: medians, and pairs run in turn so that a drifting machine hurts both alike. */

/** A group of measurements. */
export interface Suite {
  readonly title: string;
  /** Of all cases, or of those whose names have the text `only`, where the suite knows cases. */
  run(only?: string): Promise<Measurement[]>;
}

export interface Measurement {
  readonly name: string;
  readonly unit: string;
  readonly ours: number;
  readonly peer?: { readonly name: string; readonly value: number };
  /** A ratio against the peer, or a value of its own. */
  readonly target?:
    | { readonly ratio: number; readonly value?: undefined }
    | { readonly value: number; readonly ratio?: undefined };
  /** For times and bytes; the ratio is then the peer's value over ours. */
  readonly smallerIsBetter?: boolean;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Runs several measurements in turn, round after round, and gives each one's median. */
export async function inTurn<K extends string>(
  rounds: number,
  measurements: Readonly<Record<K, () => Promise<number>>>,
): Promise<Record<K, number>> {
  const names = Object.keys(measurements) as K[];
  const values = new Map<K, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of names) values.get(name)!.push(await measurements[name]());
  }
  return Object.fromEntries(names.map((name) => [name, median(values.get(name)!)])) as Record<K, number>;
}

/** Seconds that a piece of work takes. */
export async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}
