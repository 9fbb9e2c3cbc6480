// Numbers, times and bytes as people read them.

const E8S = 100_000_000;
const STEPS = [[1e24, " Y"], [1e21, " Z"], [1e18, " E"], [1e15, " P"], [1e12, " T"], [1e9, " B"], [1e6, " M"], [1e3, " k"]];
const fixed = (digits) => new Intl.NumberFormat(undefined, { maximumFractionDigits: digits });

/** Three to four digits, or as many as asked for, and a prefix: 12.3 T. */
export function brief(number, digits) {
  const value = Number(number);
  const [size, unit] = STEPS.find(([least]) => Math.abs(value) >= least * 0.9995) ?? [1, ""];
  const scaled = value / size;
  const usual = Math.abs(scaled) >= 100 ? 0 : Math.abs(scaled) >= 10 ? 1 : 2;
  return fixed(digits ?? usual).format(scaled) + unit;
}

/** One replica, two replicas. */
export const counted = (number, one, many = `${one}s`) => `${whole(number)} ${Number(number) === 1 ? one : many}`;
export const whole = (number) => new Intl.NumberFormat().format(number);
export const decimal = (number, digits = 2) => fixed(digits).format(number);
export const percent = (part, all) => (all > 0 ? `${fixed(1).format((100 * part) / all)} %` : "–");
/** Tokens of e8s; large amounts without what is behind the point. */
export function tokens(e8s) {
  const value = Number(e8s) / E8S;
  return fixed(value >= 1e4 ? 0 : value >= 1 ? 4 : 8).format(value);
}
export const briefTokens = (e8s, digits) => brief(Number(e8s) / E8S, digits);

export function size(bytes) {
  const value = Number(bytes);
  const [least, unit] = [[2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"]].find(([least]) => value >= least) ?? [1, "B"];
  return `${fixed(1).format(value / least)} ${unit}`;
}

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const SECONDS = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});
const DAY = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
export const ofNanos = (nanos) => new Date(Number(nanos / 1_000_000n));
export const ofSeconds = (seconds) => new Date(Number(seconds) * 1000);
export const clock = (ms) => CLOCK.format(ms);
export const clockSeconds = (ms) => SECONDS.format(ms);
export const day = (ms) => DAY.format(ms);
export const full = (date) => FULL.format(date);

/** 3 min, 2 h, 5 d. */
export function duration(seconds) {
  const value = Math.max(0, Number(seconds));
  if (value < 90) return `${Math.round(value)} s`;
  if (value < 90 * 60) return `${Math.round(value / 60)} min`;
  if (value < 36 * 3600) return `${fixed(1).format(value / 3600)} h`;
  return `${Math.round(value / 86400)} d`;
}

export function ago(date) {
  const seconds = (Date.now() - date.getTime()) / 1000;
  return seconds >= 0 ? `${duration(seconds)} ago` : `in ${duration(-seconds)}`;
}

export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
