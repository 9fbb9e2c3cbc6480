// What plots and people are shown, of given numbers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ago, brief, duration, percent, size, tokens } from "../src/format.js";
import { growth, parts, rate, thinned, ticks } from "../src/numbers.js";

const near = (found, wanted) => {
  assert.equal(found.length, wanted.length, `${found}`);
  found.forEach((value, index) => assert.ok(Math.abs(value - wanted[index]) <= 1e-9 * Math.max(1, Math.abs(wanted[index])), `${found}`));
};

test("marks of an axis are round, within the range, and few", () => {
  near(ticks(0, 10), [0, 2.5, 5, 7.5, 10]);
  near(ticks(0, 0.35), [0, 0.1, 0.2, 0.3]);
  near(ticks(1e15, 1.0004e15), [1e15, 1.0001e15, 1.0002e15, 1.0003e15, 1.0004e15]);
  near(ticks(-3, 3), [-2, 0, 2]);
  near(ticks(5, 5), [5]);
  near(ticks(5, NaN), [5]);
  for (let high = 1e-6; high < 1e30; high *= 3.7) assert.ok(ticks(0, high).length <= 12, `${high}`);
});

test("rates are by second, and a total that stands still has none", () => {
  assert.deepEqual(rate([[0, 5], [2000, 9], [4000, 9]]), [[2000, 2], [4000, 0]]);
  assert.deepEqual(rate([[0, 5]]), []);
  assert.deepEqual(rate([]), []);
});

test("parts of the time keep the sum of what a total grew by", () => {
  const points = Array.from({ length: 101 }, (_, index) => [index * 1000, index * index]);
  for (const count of [1, 7, 30, 100, 500]) {
    const all = parts(points, count);
    assert.equal(all.reduce((sum, [, value]) => sum + value, 0), 10_000, `${count}`);
    assert.ok(all.length <= Math.min(count, 100), `${count}`);
  }
  assert.deepEqual(parts([[0, 5]], 3), []);
  assert.deepEqual(growth([[0, 5], [1, 7]]), [[1, 2]]);
});

test("thinning keeps both ends", () => {
  const points = Array.from({ length: 100 }, (_, index) => index);
  const few = thinned(points, 10);
  assert.deepEqual([few.length, few[0], few.at(-1)], [10, 0, 99]);
  assert.equal(thinned(points, 100), points);
});

test("numbers are as long as they need to be", () => {
  const check = (found, wanted) => assert.equal(found, wanted);
  check(brief(0), "0");
  check(brief(999_600), "1 M");
  check(brief(12_345_678_901_234n), "12.3 T");
  check(brief(1.0002e9, 4), "1.0002 B");
  check(tokens(10_000n), "0.0001");
  check(tokens(123_456_789_012_345n), "1,234,568");
  check(size(1536n), "1.5 KiB");
  check(percent(1, 0), "–");
  check(percent(1, 8), "12.5 %");
});

test("times are told as people tell them, before and after", () => {
  assert.equal(duration(89n), "89 s");
  assert.equal(duration(5400), "1.5 h");
  assert.equal(duration(-5), "0 s");
  assert.equal(ago(new Date(Date.now() - 180_000)), "3 min ago");
  assert.equal(ago(new Date(Date.now() + 7_200_000)), "in 2 h");
});
