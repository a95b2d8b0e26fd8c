/** @file Makers of callbacks: parameters checked as everywhere, a state that begins anew with each run or goes on when resumed. */

import { ParamError } from "../../errors.js";
import { checkParams } from "../../util/check-params.js";
import type { Input, ParamSpecs, Values } from "../../util/params.js";
import { isPlain, show } from "../../util/show.js";
import type { Callback, TrainingRun } from "../callback.js";

type FromOptions<P extends ParamSpecs, C extends Callback> =
  Partial<Input<P>> extends Input<P> ? (options?: Input<P>) => C : (options: Input<P>) => C;
type FromFirst<P extends ParamSpecs, C extends Callback, F extends keyof Input<P>> = (
  first: NonNullable<Input<P>[F]>,
  options?: Omit<Input<P>, F>,
) => C;

/**
 * A function that makes a callback from its parameters, of which the first may come without its name where Keras's does:
 * `csvLogger("log.csv")`. @throws ParamError
 */
export type CallbackMaker<
  P extends ParamSpecs,
  C extends Callback = Callback,
  F extends keyof Input<P> = never,
> = FromOptions<P, C> & ([F] extends [never] ? unknown : FromFirst<P, C, F>) & { readonly specs: P };

/**
 * Defines a callback: its parameters, and the hooks made of their values.
 *
 * @param first the parameter that may come without its name
 */
export function defineCallback<
  const P extends ParamSpecs,
  C extends Callback,
  const F extends keyof Input<P> & string = never,
>(name: string, specs: P, make: (params: Values<P>, name: string) => C, first?: F): CallbackMaker<P, C, F> {
  const maker = (...args: readonly unknown[]) => {
    const isFirst = first !== undefined && args[0] !== undefined && !isPlain(args[0]);
    const [options = {}, ...rest] = isFirst ? args.slice(1) : args;
    if (!isPlain(options) || rest.length > 0) {
      const takes = `takes ${first === undefined ? "" : `${first} and `}its parameters by name, as { ${Object.keys(specs)[0]}: ... }`;
      throw new ParamError(name, `${takes}, got ${args.map(show).join(", ")}`);
    }
    return make(checkParams(name, specs, isFirst ? { ...options, [first]: args[0] } : options), name);
  };
  return Object.defineProperties(maker, { name: { value: name }, specs: { value: specs } }) as CallbackMaker<P, C, F>;
}

/** How a state that is no JSON becomes JSON, and comes back. */
export interface StateForm<S> {
  store(state: S): unknown;
  load(stored: unknown): S;
}

/**
 * A state that is JSON, or has a form that is: `begin` makes it when a run begins, unless the run is resumed and has one.
 *
 * Of the hooks given, `onTrainBegin` is called with it made.
 */
export function withState<S extends object>(
  begin: () => S,
  hooks: (state: () => S) => Callback,
  { store, load }: StateForm<S> = { store: structuredClone, load: (stored) => stored as S },
): Callback {
  let [state, isRestored] = [begin(), false];
  const given = hooks(() => state);
  return {
    ...given,
    onTrainBegin(run: TrainingRun) {
      if (!isRestored) state = begin();
      isRestored = false;
      return given.onTrainBegin?.(run);
    },
    state: () => store(state),
    restore(stored: unknown) {
      state = load(stored);
      isRestored = true;
    },
  };
}
