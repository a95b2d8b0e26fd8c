/** @file A column from JavaScript values of a known type, checked value by value. */

import { DataError, listNames, type Who } from "../errors.js";
import { allocate, isBigInt, type NumericArray } from "../tensor/dtype.js";
import {
  binaryColumn,
  booleanColumn,
  type Column,
  decimalColumn,
  listColumn,
  mapColumn,
  nullColumn,
  numberColumn,
  stringColumn,
  structColumn,
  tensorColumn,
  timeColumn,
  type Valid,
} from "./columns.js";
import { describe } from "./expect.js";
import { endless, endlessDays, endlessMicros, isTime } from "./times.js";
import { type ColumnType, dtypeOf, formatType, isNumeric, type NumericType, widthOf } from "./types.js";

type Where = (row: number) => string;

/**
 * Values as one column; null and undefined are null.
 *
 * @param where names a row for the message, as in `row 3 of column "age"`
 * @throws DataError for the first value that is not of the type.
 */
export function columnOfValues(values: readonly unknown[], type: ColumnType, where: Where, who: Who): Column {
  const missing = values.some(isMissing);
  const valid: Valid = missing ? (row) => !isMissing(values[row]) : undefined;
  const check = <T>(accept: (value: unknown) => T | undefined): (T | null)[] =>
    values.map((value, row) => {
      if (isMissing(value)) return null;
      const accepted = accept(value);
      if (accepted !== undefined) return accepted;
      throw new DataError(who, `${where(row)} must be ${formatType(type)}, got ${describe(value)}`, {
        code: "BAD_ROW",
        row,
      });
    });

  if (typeof type === "object") {
    switch (type.kind) {
      case "array": {
        const lists = check(listOf);
        return listColumn(items(lists, type.element, where, who), offsetsOf(lists), valid);
      }
      case "tensor": {
        const width = widthOf(type);
        const lists = check(listOf).map((list, row) => {
          if (list === null) return new Array(width).fill(0);
          if (list.length === width) return list;
          const message = `${where(row)} must hold ${width} numbers (${formatType(type)}), got ${list.length}`;
          throw new DataError(who, message, { code: "BAD_ROW", row });
        });
        const { data } = items(lists, type.element, where, who);
        if (data.nullCount > 0) {
          const at = Array.from({ length: data.length }, (_, item) => data.getValid(item)).indexOf(false);
          const row = Math.floor(at / width);
          throw new DataError(
            who,
            `${where(row)} holds a null at ${at % width}; ${formatType(type)} has numbers only`,
            {
              code: "BAD_ROW",
              row,
            },
          );
        }
        return tensorColumn(type.element, type.shape, data.values, valid, values.length);
      }
      case "struct": {
        const names = type.fields.map(({ name }) => name);
        const rows = check((value) => (isRecord(value) ? value : undefined));
        rows.forEach((row, i) => {
          const extra = Object.keys(row ?? {}).filter((name) => !names.includes(name));
          if (extra.length === 0) return;
          throw new DataError(who, `${where(i)} has fields ${listNames(extra)}, not in ${formatType(type)}`);
        });
        const columns = type.fields.map((field): [string, Column] => {
          const inner: Where = (row) => `field "${field.name}" of ${where(row)}`;
          return [
            field.name,
            columnOfValues(
              rows.map((row) => row && fieldOf(row, field.name)),
              field.type,
              inner,
              who,
            ),
          ];
        });
        return structColumn(columns, values.length, valid);
      }
      case "map": {
        const entries = check(entriesOf);
        const all = entries.flatMap((list) => list ?? []);
        const inner: Where = () => `an entry of ${where(0)}`;
        const keys = columnOfValues(
          all.map(([key]) => key),
          type.key,
          inner,
          who,
        );
        const held = columnOfValues(
          all.map(([, value]) => value),
          type.value,
          inner,
          who,
        );
        return mapColumn(keys, held, offsetsOf(entries), valid);
      }
      case "decimal": {
        const words = new Uint32Array(values.length * 4);
        const limit = 10n ** BigInt(type.precision);
        const numbers = check((value) => {
          const scaled = scaledOf(value, type.scale);
          return scaled !== undefined && scaled < limit && scaled > -limit ? scaled : undefined;
        });
        numbers.forEach((value, row) => {
          const scaled = BigInt.asUintN(128, value ?? 0n);
          for (let i = 0; i < 4; i++) words[row * 4 + i] = Number((scaled >> BigInt(32 * i)) & 0xffffffffn);
        });
        return decimalColumn(type, words, valid);
      }
    }
  }
  if (isNumeric(type)) return numbers(check(accepting(type)), type, valid);
  switch (type) {
    case "null":
      return nullColumn(values.length);
    case "boolean":
      return booleanColumn(
        check((value) => (typeof value === "boolean" ? value : undefined)),
        valid,
      );
    case "string":
      return stringColumn(check((value) => (typeof value === "string" ? value : undefined)));
    case "binary":
      return binaryColumn(check((value) => (value instanceof Uint8Array ? value : undefined)));
    case "date": {
      const days = check((value) =>
        isTime(value) ? Math.floor(value.getTime() / 86_400_000) : endless(value, endlessDays),
      );
      return timeColumn(
        type,
        Int32Array.from(days, (day) => day ?? 0),
        valid,
      );
    }
    default: {
      const micros = check((value) =>
        isTime(value) ? BigInt(value.getTime()) * 1000n : (endless(value, endlessMicros) ?? wholeOf(value, "bigint")),
      );
      return timeColumn(
        type,
        BigInt64Array.from(micros, (time) => time ?? 0n),
        valid,
      );
    }
  }
}

function numbers(values: readonly (number | bigint | null)[], type: NumericType, valid: Valid): Column {
  const array = allocate(dtypeOf(type), values.length);
  if (array instanceof BigInt64Array || array instanceof BigUint64Array) {
    values.forEach((value, i) => {
      array[i] = BigInt(value ?? 0);
    });
  } else {
    values.forEach((value, i) => {
      array[i] = Number(value ?? 0);
    });
  }
  return numberColumn(type, array, valid);
}

function accepting(type: NumericType): (value: unknown) => number | bigint | undefined {
  if (type === "float" || type === "double") return numberOf;
  if (type === "bigint" || type === "ubigint") return (value) => wholeOf(value, type);
  const [least, greatest] = limits[type];
  return (value) => {
    const fits = typeof value === "number" && Number.isInteger(value) && value >= least && value <= greatest;
    return fits ? value : undefined;
  };
}

const limits = {
  tinyint: [-0x80, 0x7f],
  smallint: [-0x8000, 0x7fff],
  int: [-0x80000000, 0x7fffffff],
  utinyint: [0, 0xff],
  usmallint: [0, 0xffff],
  uint: [0, 0xffffffff],
} as const;

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" || typeof value === "bigint" ? Number(value) : undefined;
}

function wholeOf(value: unknown, type: "bigint" | "ubigint"): bigint | undefined {
  if (typeof value !== "bigint" && !Number.isInteger(value)) return undefined;
  const whole = BigInt(value as bigint | number);
  const held = type === "bigint" ? BigInt.asIntN(64, whole) : BigInt.asUintN(64, whole);
  return held === whole ? whole : undefined;
}

/** A decimal's digits as one whole number, rounded to its scale. */
function scaledOf(value: unknown, scale: number): bigint | undefined {
  if (typeof value === "bigint") return value * 10n ** BigInt(scale);
  if (typeof value !== "number" || !Number.isFinite(value)) return undefined;
  return BigInt(Math.round(value * 10 ** scale));
}

function entriesOf(value: unknown): [unknown, unknown][] | undefined {
  if (value instanceof Map) return [...value];
  return isRecord(value) ? Object.entries(value) : undefined;
}

function listOf(value: unknown): ArrayLike<unknown> | undefined {
  const isList = Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
  return isList ? (value as unknown as ArrayLike<unknown>) : undefined;
}

function items(lists: readonly (ArrayLike<unknown> | null)[], element: ColumnType, where: Where, who: Who): Column {
  const offsets = offsetsOf(lists);
  const total = offsets[lists.length]!;
  if (
    isNumeric(element) &&
    !isBigInt(dtypeOf(element)) &&
    lists.every((list) => list === null || holdsAll(element, list))
  ) {
    const array = allocate(dtypeOf(element), total) as NumericArray;
    lists.forEach((list, row) => {
      if (list !== null) array.set(list as NumericArray, offsets[row]!);
    });
    return numberColumn(element, array);
  }
  const flat = lists.flatMap((list) => (list === null ? [] : Array.from(list)));
  const rowOf = (item: number) => offsets.findLastIndex((offset) => offset <= item);
  return columnOfValues(flat, element, (item) => `an item of ${where(rowOf(item))}`, who);
}

/** Whether a list is a typed array each of whose possible values is one of the element's; others are looked at one by one. */
function holdsAll(element: NumericType, list: ArrayLike<unknown>): boolean {
  if (!ArrayBuffer.isView(list) || list instanceof BigInt64Array || list instanceof BigUint64Array) return false;
  return element === "float" || element === "double" || list instanceof allocate(dtypeOf(element), 0).constructor;
}

function offsetsOf(lists: readonly (ArrayLike<unknown> | null)[]): Int32Array {
  const offsets = new Int32Array(lists.length + 1);
  lists.forEach((list, i) => {
    offsets[i + 1] = offsets[i]! + (list?.length ?? 0);
  });
  return offsets;
}

/** A field of a row; what every object has, such as `constructor`, is none. */
export function fieldOf(row: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(row, name) || !(name in Object.prototype) ? row[name] : undefined;
}

function isMissing(value: unknown): boolean {
  return value === null || value === undefined;
}

/** Whether a value can be a row or a struct. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  return !(ArrayBuffer.isView(value) || Array.isArray(value) || value instanceof Map || value instanceof Date);
}
