// Lines and bars over time as SVG, made here. A plot is an image with a description; arrow keys or a pointer read single
// values, and a table below has all of them.
import { h, show, svg, table } from "./dom.js";
import { brief, clock, clockSeconds, day, full } from "./format.js";
import { thinned, ticks } from "./numbers.js";

const HEIGHT = 190;
/** Room for a time below the horizontal axis. */
const MARK_WIDTH = 110;
const [TOP, RIGHT, BOTTOM] = [10, 12, 24];
/** Room for the numbers of the vertical axis: of each character, and beside them. */
const [CHARACTER, BESIDE] = [6.8, 14];
/** Rows of the table below a plot. */
const TABLE_ROWS = 24;
const [DAY_MS, MINUTE_MS] = [86_400_000, 60_000];
/** Digits behind the point that an axis takes until its numbers differ. */
const AXIS_DIGITS = [undefined, 2, 3, 4, 6, 9];

function bounds(lines, zero, bars) {
  const all = lines.flatMap(({ points }) => points);
  const times = all.map(([time]) => time);
  const values = all.map(([, value]) => value);
  let [low, high] = [zero ? 0 : Math.min(...values), Math.max(...values)];
  if (high === low) [low, high] = low === 0 ? [0, 1] : [low - Math.abs(low) * 0.05, high + Math.abs(high) * 0.05];
  const margin = zero ? 0 : (high - low) * 0.06;
  let [begin, end] = [Math.min(...times), Math.max(...times)];
  if (begin === end) [begin, end] = [begin - MINUTE_MS, end + MINUTE_MS];
  const half = bars ? (end - begin) / Math.max(8, 2 * (lines[0].points.length - 1)) : 0;
  [begin, end] = [begin - half, end + half];
  return { begin, end, low: low - margin, high: high + (high - low) * 0.06 };
}

function scales({ begin, end, low, high }, width, left) {
  const [inner, tall] = [width - left - RIGHT, HEIGHT - TOP - BOTTOM];
  return {
    x: (time) => left + ((time - begin) / (end - begin)) * inner,
    y: (value) => TOP + (1 - (value - low) / (high - low)) * tall,
    floor: TOP + tall,
    left,
  };
}

/** Marks of the vertical axis, with as many digits as they need to differ. */
function marked(range, unit) {
  const marks = ticks(range.low, range.high);
  const named = AXIS_DIGITS.map((digits) => marks.map((value) => unit(value, digits)));
  const names = named.find((list) => new Set(list).size === list.length) ?? named[0];
  return marks.map((value, index) => [value, names[index]]);
}

function axes(range, { x, y, left }, width, marks) {
  const span = range.end - range.begin;
  const label = span > 2 * DAY_MS ? day : span > 10 * MINUTE_MS ? clock : clockSeconds;
  const count = Math.max(1, Math.min(5, Math.floor(width / MARK_WIDTH)));
  const horizontal = marks.map(([value, name]) => [
    svg("line", { class: "grid", x1: left, x2: width - RIGHT, y1: y(value), y2: y(value) }),
    svg("text", { class: "tick", x: left - 8, y: y(value) + 4, "text-anchor": "end" }, name),
  ]);
  let said;
  const vertical = Array.from({ length: count + 1 }, (_, index) => {
    const time = range.begin + (span * index) / count;
    if (label(time) === said) return [];
    said = label(time);
    const anchor = index === 0 ? "start" : index === count ? "end" : "middle";
    return svg("text", { class: "tick", x: x(time), y: HEIGHT - 6, "text-anchor": anchor }, said);
  });
  return [horizontal, vertical];
}

function line({ points, tone }, { x, y, floor }, filled) {
  const spot = ([time, value]) => `${x(time).toFixed(1)} ${y(value).toFixed(1)}`;
  const path = `M${points.map(spot).join("L")}`;
  const [first, last] = [points[0], points.at(-1)];
  const area = `${path}L${x(last[0]).toFixed(1)} ${floor}L${x(first[0]).toFixed(1)} ${floor}Z`;
  return [
    filled && svg("path", { class: `area ${tone}`, d: area }),
    svg("path", { class: `line ${tone}`, d: path }),
    svg("circle", { class: `dot ${tone}`, cx: x(last[0]), cy: y(last[1]), r: 3 }),
  ].filter(Boolean);
}

function bars({ points, tone }, { x, y, floor, left }, width, place, of) {
  const room = (width - left - RIGHT) / Math.max(points.length, 8) / of;
  const wide = Math.max(1, Math.min(18, room * 0.8));
  return points.map(([time, value]) => svg("rect", {
    class: `bar ${tone}`, rx: 1, width: wide, height: Math.max(0, floor - y(value)), y: y(value),
    x: x(time) - (wide * of) / 2 + place * wide,
  }));
}

function described(title, lines, unit) {
  const parts = lines.map(({ name, points }) => {
    const values = points.map(([, value]) => value);
    return `${name}: now ${unit(values.at(-1))}, from ${unit(Math.min(...values))} to ${unit(Math.max(...values))}`;
  });
  const times = lines.flatMap(({ points }) => [points[0][0], points.at(-1)[0]]);
  const [begin, end] = [Math.min(...times), Math.max(...times)];
  return `${title}, ${full(begin)} to ${full(end)}. ${parts.join("; ")}.`;
}

function values(title, lines, unit) {
  const all = new Set(lines.flatMap(({ points }) => points.map(([time]) => time)));
  const times = thinned([...all].sort((one, two) => two - one), TABLE_ROWS);
  const maps = lines.map(({ points }) => new Map(points));
  const columns = [
    { name: "Time", head: true, cell: (time) => full(time) },
    ...lines.map(({ name }, index) => ({
      name, number: true, cell: (time) => (maps[index].has(time) ? unit(maps[index].get(time)) : "–"),
    })),
  ];
  return h("details", { class: "values", "data-key": `values ${title}` }, h("summary", {}, "Values as a table"),
    table(`${title}: values`, columns, times));
}

/** Reads values under the pointer, or by arrow keys. */
function readable(image, lines, scale, unit, readout) {
  const points = lines[0].points;
  const cursor = svg("line", { class: "cursor", y1: TOP, y2: scale.floor, x1: -10, x2: -10 });
  image.append(cursor);
  let place = points.length - 1;
  const read = () => {
    const [time] = points[place];
    cursor.setAttribute("x1", scale.x(time));
    cursor.setAttribute("x2", scale.x(time));
    const near = lines.map(({ name, points: all }) => {
      const found = all.reduce((best, point) => (Math.abs(point[0] - time) < Math.abs(best[0] - time) ? point : best));
      return lines.length > 1 ? `${name} ${unit(found[1])}` : unit(found[1]);
    });
    readout.textContent = `${full(time)}: ${near.join(" · ")}`;
  };
  const rest = () => {
    cursor.setAttribute("x1", -10);
    cursor.setAttribute("x2", -10);
    readout.textContent = "";
  };
  image.addEventListener("pointermove", (event) => {
    const offset = event.clientX - image.getBoundingClientRect().left;
    place = points.reduce((best, [time], index) =>
      (Math.abs(scale.x(time) - offset) < Math.abs(scale.x(points[best][0]) - offset) ? index : best), 0);
    read();
  });
  image.addEventListener("pointerleave", rest);
  image.addEventListener("blur", rest);
  image.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: -1, ArrowRight: 1, Home: -points.length, End: points.length }[event.key];
    if (!move) return;
    event.preventDefault();
    place = Math.min(points.length - 1, Math.max(0, place + move));
    read();
  });
}

function draw(figure, plot) {
  const { title, unit = brief, zero = false, kind = "line" } = plot;
  const lines = plot.lines.filter(({ points }) => points.length > 0);
  const legend = plot.lines.length > 1 &&
    h("ul", { class: "legend" }, plot.lines.map(({ name, tone }) => h("li", { class: tone }, name)));
  const heading = h("figcaption", {}, h("h3", {}, title), plot.now && h("strong", {}, plot.now), legend);
  if (lines.length === 0) {
    show(figure, heading, h("p", { class: "empty" }, plot.empty ?? "No samples yet."));
    return;
  }
  const width = Math.max(260, Math.round(figure.clientWidth || 600));
  const range = bounds(lines, zero || kind === "bars", kind === "bars");
  const marks = marked(range, unit);
  const left = BESIDE + CHARACTER * Math.max(4, ...marks.map(([, name]) => name.length));
  const scale = scales(range, width, left);
  const shapes = lines.map((it, index) => (kind === "bars"
    ? bars(it, scale, width, index, lines.length)
    : line(it, scale, lines.length === 1)));
  const image = svg("svg", {
    viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", tabindex: "0", "data-key": `plot ${title}`,
    "aria-label": described(title, lines, unit),
  }, axes(range, scale, width, marks), shapes);
  const readout = h("output", { class: "readout" });
  readable(image, lines, scale, unit, readout);
  show(figure, heading, image, readout, values(title, lines, unit));
}

const drawn = new Map();
const watcher = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) {
    const known = drawn.get(target);
    if (known && Math.abs(known.width - contentRect.width) > 1) {
      known.width = contentRect.width;
      draw(target, known.plot);
    }
  }
});

const isRead = (figure) => figure.querySelector("svg") && figure.matches(":hover, :focus-within");

/**
 * Draws `{ title, lines: [{ name, tone, points: [[ms, value]] }], unit, zero, kind, now, empty }`, again at each size; not
 * while somebody reads it.
 */
export function plot(figure, description) {
  const known = drawn.get(figure);
  if (known && isRead(figure) && known.plot.title === description.title) {
    known.plot = description;
    return;
  }
  drawn.set(figure, { plot: description, width: figure.clientWidth });
  draw(figure, description);
  if (!known) watcher.observe(figure);
}
