// Series of `[ms, value]`: what plots make of them.

/** Round numbers from `low` to `high`, some four of them. */
export function ticks(low, high, count = 4) {
  const span = high - low;
  if (!(span > 0)) return [low];
  const raw = span / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= raw) ?? power * 10;
  const first = Math.ceil(low / step);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.min(last - first + 1, 12) }, (_, index) => (first + index) * step);
}

/** At most so many of the points, the first and the last among them. */
export function thinned(points, most) {
  if (points.length <= most) return points;
  const step = (points.length - 1) / (most - 1);
  return Array.from({ length: most }, (_, index) => points[Math.round(index * step)]);
}

/** What a total grew by, point by point. */
export const growth = (points) => points.slice(1).map(([time, value], index) => [time, value - points[index][1]]);

/** What a total grew by in each second. */
export const rate = (points) => points.slice(1).map(([time, value], index) =>
  [time, (value - points[index][1]) / Math.max(0.001, (time - points[index][0]) / 1000)]);

/** Sums of what a total grew by, in at most so many equal parts of the time. */
export function parts(points, count) {
  if (points.length < 2) return [];
  const [begin, end] = [points[0][0], points.at(-1)[0]];
  const step = (end - begin) / Math.min(count, points.length - 1);
  const sums = new Map();
  for (const [time, value] of growth(points)) {
    const place = Math.min(count - 1, Math.floor((time - begin - 1) / step));
    sums.set(place, (sums.get(place) ?? 0) + value);
  }
  return [...sums].map(([place, value]) => [begin + (place + 0.5) * step, value]);
}
