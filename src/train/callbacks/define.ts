/** @file Makers of callbacks: parameters checked as everywhere, a state that begins anew with each run or goes on when resumed. */

import { checkParams, type Input, type ParamSpecs, type Values } from "../../util/params.js";
import type { Callback, TrainingRun } from "../callback.js";

/** A function that makes a callback from its parameters. @throws ParamError */
export type CallbackMaker<P extends ParamSpecs, C extends Callback = Callback> =
  Partial<Input<P>> extends Input<P> ? (options?: Input<P>) => C : (options: Input<P>) => C;

/** Defines a callback: its parameters, and the hooks made of their values. */
export function defineCallback<const P extends ParamSpecs, C extends Callback>(
  name: string,
  specs: P,
  make: (params: Values<P>, name: string) => C,
): CallbackMaker<P, C> {
  const maker = (options: object = {}) => make(checkParams(name, specs, options), name);
  return maker as CallbackMaker<P, C>;
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
