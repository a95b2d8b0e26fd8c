/** @file Cuts what is computed in order into what stays as it is and what is trained. */

/** Something that makes tensors of tensors: an operator, a layer. */
export interface Maker {
  readonly reads: readonly string[];
  readonly makes: readonly string[];
}

export interface Cutting<M> {
  readonly makers: readonly M[];
  /** What is fed. */
  readonly inputs: ReadonlySet<string>;
  readonly results: readonly string[];
  /** Whether it changes from step to step by itself: it has weights that are trained, or is random. */
  isTrained(maker: M): boolean;
  /** Whether it has weights that stay. */
  isFrozen(maker: M): boolean;
  /** Whether a tensor has a value for each row. */
  isPerRow(tensor: string): boolean;
}

export interface Cut<M> {
  /** What gives the same at every step. */
  readonly before: readonly M[];
  /** Tensors that are worth keeping: frozen weights went into them, and what is trained reads them. */
  readonly between: readonly string[];
  /** Fed tensors that are read after the cut too. */
  readonly through: readonly string[];
  /** What is trained or comes after that, and what it needs of the rest that is as well computed again. */
  readonly after: readonly M[];
}

export function cutBefore<M extends Maker>(cutting: Cutting<M>): Cut<M> {
  const { makers, inputs, results } = cutting;
  const trained = dependents(makers, new Set(), cutting.isTrained);
  const kept = dependents(makers, new Set(), cutting.isFrozen);
  const fed = dependents(makers, inputs, () => false);
  const by = new Map(makers.flatMap((maker) => maker.makes.map((name) => [name, maker] as const)));
  const [between, through, after] = [new Set<string>(), new Set<string>(), new Set<M>()];
  const need = (name: string): void => {
    const maker = by.get(name);
    if (inputs.has(name)) through.add(name);
    else if (maker !== undefined && !after.has(maker)) {
      const isKept = !trained.has(name) && kept.has(name) && fed.has(name) && cutting.isPerRow(name);
      if (isKept) between.add(name);
      else {
        after.add(maker);
        maker.reads.forEach(need);
      }
    }
  };
  results.forEach(need);
  // what is made of tensors that are kept anyway, without weights, such as a transpose
  for (const maker of [...makers].reverse()) {
    const isKept = maker.makes.some((name) => between.has(name));
    const isAtHand = (name: string) => between.has(name) || through.has(name) || !fed.has(name);
    if (!isKept || cutting.isFrozen(maker) || !maker.reads.every(isAtHand)) continue;
    for (const name of maker.makes) between.delete(name);
    after.add(maker);
    maker.reads.forEach(need);
  }
  return {
    before: makers.filter(({ makes }) => !makes.some((name) => trained.has(name))),
    between: [...between],
    through: [...through],
    after: makers.filter((maker) => after.has(maker)),
  };
}

/** Tensors that follow from others, or from makers of a kind. */
function dependents<M extends Maker>(
  makers: readonly M[],
  from: ReadonlySet<string>,
  starts: (maker: M) => boolean,
): Set<string> {
  const found = new Set(from);
  for (const maker of makers) {
    if (starts(maker) || maker.reads.some((name) => found.has(name))) for (const name of maker.makes) found.add(name);
  }
  return found;
}
