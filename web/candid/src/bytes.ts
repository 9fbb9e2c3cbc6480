// Bytes as people see and type them.

export const toHex = (bytes: Iterable<number>): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/**
 * The bytes of hexadecimal digits, among which blanks, colons and a `0x` may stand.
 *
 * @throws {Error} that says what is wrong.
 */
export function fromHex(text: string): Uint8Array {
  const digits = text.replace(/^\s*0[xX]/, "").replace(/[\s:]/g, "");
  if (/[^0-9a-fA-F]/.test(digits)) throw new Error("This is not hexadecimal: only 0–9 and a–f are digits.");
  if (digits.length % 2 !== 0) throw new Error("A hexadecimal digit is missing: two make a byte.");
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** The text that the bytes are, if they are one that can be read. */
export function asText(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

const UNITS: [number, string][] = [[1 << 20, "MiB"], [1 << 10, "KiB"]];

/** How much it is. */
export function size(bytes: number): string {
  const unit = UNITS.find(([least]) => bytes >= least);
  return unit ? `${(bytes / unit[0]).toFixed(1)} ${unit[1]}` : `${bytes} ${bytes === 1 ? "byte" : "bytes"}`;
}
