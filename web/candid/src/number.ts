// Numbers as people type them.
import type { NumberKind } from "./did/type";

const FLOAT = /^[+-]?(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)([eE][+-]?\d+)?$/;
const WORDS: Record<string, number> = { nan: NaN, inf: Infinity, infinity: Infinity, "+inf": Infinity, "+infinity": Infinity, "-inf": -Infinity, "-infinity": -Infinity };
/** Digits of a nat or an int: more than that nobody types, and reading them takes the square of the time. */
const DIGITS_MAX = 10_000;

const bits = (kind: NumberKind): number => Number(/\d+$/.exec(kind)?.[0] ?? 0);
export const isFloat = (kind: NumberKind): boolean => kind.startsWith("float");
/** Whether the library has it as a `bigint`. */
export const isBig = (kind: NumberKind): boolean => !isFloat(kind) && (bits(kind) === 0 || bits(kind) === 64);

/** The least and the greatest number, where there are such. */
export function range(kind: NumberKind): [bigint | undefined, bigint | undefined] {
  const size = BigInt(bits(kind));
  if (kind.startsWith("nat")) return [0n, size ? (1n << size) - 1n : undefined];
  return size ? [-(1n << (size - 1n)), (1n << (size - 1n)) - 1n] : [undefined, undefined];
}

function integer(kind: NumberKind, text: string): bigint {
  const digits = text.replace(/^[+-]/, "").replaceAll("_", "");
  if (!/^(\d+|0[xX][0-9a-fA-F]+)$/.test(digits)) throw new Error(`This is no whole number: ${text.slice(0, 40)}`);
  if (digits.length > DIGITS_MAX) throw new Error(`This number has more than ${DIGITS_MAX} digits.`);
  const value = text.startsWith("-") ? -BigInt(digits) : BigInt(digits);
  const [least, most] = range(kind);
  if (least !== undefined && value < least) throw new Error(least === 0n ? "This is less than nothing." : `The least ${kind} is ${least}.`);
  if (most !== undefined && value > most) throw new Error(`The greatest ${kind} is ${most}.`);
  return value;
}

function float(kind: NumberKind, text: string): number {
  const value = WORDS[text.toLowerCase()] ?? (FLOAT.test(text) ? Number(text.replaceAll("_", "")) : undefined);
  if (value === undefined) throw new Error(`This is no number: ${text.slice(0, 40)}`);
  if (Number.isFinite(value) && kind === "float32" && !Number.isFinite(Math.fround(value))) throw new Error("This is too large for a float32.");
  return value;
}

/**
 * The value that a text means.
 *
 * @throws {Error} that says why it means none.
 */
export function number(kind: NumberKind, text: string): bigint | number {
  const trimmed = text.trim();
  if (trimmed === "") throw new Error("A number is missing.");
  if (isFloat(kind)) return float(kind, trimmed);
  const value = integer(kind, trimmed);
  return isBig(kind) ? value : Number(value);
}
