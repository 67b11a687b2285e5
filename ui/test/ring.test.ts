import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Ring } from '../src/store/ring';

const times = (ring: Ring): number[] => [...ring.t.subarray(ring.start, ring.end)];
const values = (ring: Ring): number[] => [...ring.v.subarray(ring.start, ring.end)];

test('points_come_out_sorted_each_time_once_and_the_last_word_counts', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 200 }), fc.integer()), { maxLength: 400 }), (points) => {
      const ring = new Ring(1000);
      for (const [t, v] of points) ring.push(t, v);
      const truth = [...new Map(points)].sort((a, b) => a[0] - b[0]);
      expect(times(ring)).toEqual(truth.map(([t]) => t));
      expect(values(ring)).toEqual(truth.map(([, v]) => v));
    }),
  );
});

test('a_full_ring_keeps_the_newest_and_counts_the_others', () => {
  fc.assert(
    fc.property(fc.integer({ min: 8, max: 64 }), fc.integer({ min: 0, max: 500 }), (bound, n) => {
      const ring = new Ring(bound);
      for (let t = 0; t < n; t += 1) ring.push(t, t);
      expect(ring.length).toBeLessThanOrEqual(bound);
      expect(ring.length + ring.dropped).toBe(n);
      expect(times(ring)).toEqual(Array.from({ length: ring.length }, (_, i) => n - ring.length + i));
    }),
  );
});

test('a_late_point_in_a_full_ring_never_breaks_the_order', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 300 }), (late) => {
      const ring = new Ring(16);
      late.forEach((t, i) => ring.push(t, i));
      const out = times(ring);
      expect(out).toEqual([...new Set(out)].sort((a, b) => a - b));
      expect(ring.length).toBeLessThanOrEqual(16);
    }),
  );
});

test('lower_is_the_first_point_at_or_after', () => {
  const ring = new Ring(100);
  for (const t of [10, 20, 30]) ring.push(t, t);
  expect([5, 10, 11, 30, 31].map((t) => ring.lower(t) - ring.start)).toEqual([0, 0, 1, 2, 3]);
});

test('nearest_leaves_gaps_out', () => {
  const ring = new Ring(100);
  ring.push(10, 1);
  ring.push(11, NaN);
  ring.push(30, 2);
  expect(ring.v[ring.nearest(12)]).toBe(2);
  expect(ring.v[ring.nearest(10)]).toBe(1);
});
