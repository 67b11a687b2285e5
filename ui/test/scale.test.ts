import fc from 'fast-check';
import { expect, test } from 'vitest';
import { scaleOf, settle } from '../src/store/scale';

const sampled = (values: number[], full = false, bounds: [number, number] | null = null) =>
  scaleOf(Float64Array.from(values), { low: Math.min(...values), high: Math.max(...values) }, full, bounds);
const calm = Array.from({ length: 1000 }, (_, i) => 20 + Math.sin(i));

test('one_spike_does_not_flatten_the_rest', () => {
  const scale = sampled([...calm, 500])!;
  expect(scale.high).toBeLessThan(25);
  expect(sampled([...calm, 500], true)!.high).toBeGreaterThan(500);
});

test('what_goes_a_little_beyond_is_shown', () => {
  expect(sampled([...calm, 21.4])!.high).toBeGreaterThan(21.4);
});

test('the_margin_does_not_go_far_beyond_what_a_sensor_can_say', () => {
  const scale = sampled(Array.from({ length: 100 }, (_, i) => i), false, [0, 100])!;
  expect(scale.low).toBeGreaterThan(-5);
  expect(scale.high).toBeLessThan(103);
});

test('a_flat_line_and_nothing_at_all_have_a_place', () => {
  const flat = sampled([5, 5, 5])!;
  expect(flat.low).toBeLessThan(5);
  expect(flat.high).toBeGreaterThan(5);
  expect(scaleOf(new Float64Array(0), { low: Infinity, high: -Infinity }, false, null)).toBe(null);
});

test('the_middle_99_percent_is_always_inside_and_the_scale_has_a_height', () => {
  const value = fc.double({ min: -1e6, max: 1e6, noNaN: true });
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 300 }), fc.boolean(), (values, full) => {
      const scale = sampled(values, full)!;
      expect(scale.low).toBeLessThan(scale.high);
      const outside = values.filter((one) => one < scale.low || one > scale.high).length;
      expect(outside).toBeLessThanOrEqual(full ? 0 : Math.floor(values.length * 0.01));
    }),
  );
});

test('the_axis_opens_at_once_and_stands_still_for_trifles', () => {
  const shown = { low: 0, high: 10 };
  expect(settle(shown, { low: -5, high: 10 }).low).toBe(-5);
  expect(settle(shown, { low: 0.3, high: 9.8 })).toEqual(shown);
  expect(settle(shown, { low: 4, high: 6 })).toEqual({ low: 4, high: 6 });
  expect(settle(null, shown)).toEqual(shown);
});
