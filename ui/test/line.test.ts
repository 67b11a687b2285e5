import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Line, Lines } from '../src/store/line';
import type { Frame, SeriesPart } from '../src/store/wire';

const series = { s: 0, device: 'd', channel: 'c', tags: {} };
const STEP = 100_000;
const line = (): Line => new Line(series, 1000);
const shown = (one: Line): (number | null)[] => [...one.ring.v.subarray(one.ring.start, one.ring.end)].map((v) => (Number.isNaN(v) ? null : v));
const feed = (one: Line, from: number, n: number): void => {
  for (let i = 0; i < n; i += 1) one.append((from + i) * STEP, from + i, 0, false);
};
const part = (t: number[], v: (number | null)[]): SeriesPart => ({ s: 0, t, v });

test('readings_in_their_usual_rhythm_are_joined', () => {
  const one = line();
  feed(one, 0, 20);
  expect(shown(one)).toEqual(Array.from({ length: 20 }, (_, i) => i));
});

test('five_usual_intervals_are_joined_and_more_are_a_gap', () => {
  const one = line();
  feed(one, 0, 10);
  feed(one, 14, 1);
  expect(shown(one)).not.toContain(null);
  feed(one, 30, 1);
  expect(shown(one).slice(-3)).toEqual([14, null, 30]);
});

test('a_cut_is_a_gap_however_short', () => {
  const one = line();
  feed(one, 0, 10);
  one.cut();
  one.cut();
  feed(one, 10, 2);
  expect(shown(one)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, null, 10, 11]);
});

test('whatever_the_rhythm_was_a_long_silence_is_a_gap', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 100 }), (steps) => {
      const one = line();
      feed(one, 0, 20);
      let at = 19;
      for (const step of steps) one.append((at += step) * STEP, 1, 0, false);
      // The rhythm is a median of the last steps: a silence well beyond the longest usual step is always seen.
      one.append((at + 1000) * STEP, 2, 0, false);
      expect(shown(one).at(-2)).toBe(null);
    }),
  );
});

test('an_answer_replaces_what_it_covers_and_keeps_what_came_after', () => {
  const one = line();
  feed(one, 0, 20);
  one.backfill(part([5 * STEP, 7 * STEP, 8 * STEP, 10 * STEP], [50, null, 80, 100]), STEP, false);
  expect(shown(one)).toEqual([50, null, 80, 100, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
});

test('after_an_outage_the_answer_fills_what_the_server_has_and_leaves_the_hole_it_has_not', () => {
  const one = line();
  feed(one, 0, 10);
  one.cut();
  feed(one, 50, 3);
  const t = [0, 5, 9, 9.5, 40, 45, 49].map((n) => n * STEP);
  one.backfill(part(t, [0, 5, 9, null, 40, 45, 49]), 6 * STEP, false);
  expect(shown(one)).toEqual([0, 5, 9, null, 40, 45, 49, 50, 51, 52]);
});

test('an_answer_of_the_past_is_not_joined_to_the_present', () => {
  const one = line();
  feed(one, 0, 10);
  feed(one, 10_000, 3);
  one.backfill(part([0, STEP], [0, 1]), STEP, false);
  expect(shown(one).slice(0, 4)).toEqual([0, 1, 2, 3]);
  const other = line();
  feed(other, 10_000, 3);
  other.backfill(part([0, STEP], [0, 1]), STEP, false);
  expect(shown(other)).toEqual([0, 1, null, 10_000, 10_001, 10_002]);
});

test('coarse_points_are_joined_to_the_first_reading_behind_them', () => {
  const one = line();
  one.backfill(part([0, 60e6, 120e6], [1, 2, 3]), 150e6, false);
  one.append(170e6, 4, 0, false);
  one.append(170.1e6, 5, 0, false);
  expect(shown(one)).toEqual([1, 2, 3, 4, 5]);
});

test('while_somebody_looks_a_full_line_forgets_nothing', () => {
  const one = new Line(series, 8);
  feed(one, 0, 8);
  one.append(8 * STEP, 8, 0, true);
  expect(shown(one)[0]).toBe(0);
  expect(one.thin).toBe(true);
  expect(one.latest?.v).toBe(8);
});

test('a_mark_is_known_by_its_id_and_learns_its_message', () => {
  const one = line();
  const mark = { s: 0, t: 5, value: 1, severity: 'warning', kind: 'spike', detector: 'z', id: 'a' } as const;
  one.mark(mark);
  one.mark({ ...mark, message: 'jumped' });
  one.mark({ ...mark, id: 'b', t: 2 });
  expect(one.marks.map((found) => [found.id, found.message])).toEqual([['b', undefined], ['a', 'jumped']]);
});

test('marks_are_bounded', () => {
  const one = line();
  for (let i = 0; i < 1200; i += 1) one.mark({ s: 0, t: i, value: 1, severity: 'warning', kind: 'spike', detector: 'z', id: String(i) });
  expect(one.marks.length).toBe(500);
  expect(one.marks[0]!.t).toBe(700);
});

test('the_band_moves_at_most_once_a_second_and_ends_at_its_newest_point', () => {
  const one = line();
  for (let i = 0; i <= 50; i += 1) one.expect(i * STEP, i, i + 1);
  expect(one.band.length).toBeLessThanOrEqual(8);
  expect(one.band.last).toBe(50 * STEP);
  expect(one.band.low[one.band.end - 1]).toBe(50);
});

test('a_frame_with_strangers_and_nulls_takes_what_it_knows', () => {
  const lines = new Lines(1);
  lines.add(series);
  const frame: Frame = { now: 10, seq: 1, t0: 0, s: [0, 7, 0], t: [1, 2, 3], v: [1, 2, null], f: [0, 0, 0], skipped: 0, band: { s: [0, 9], low: [0, 1], high: [null, 1] } };
  expect(lines.frame(frame, false)).toBe(1);
  const one = lines.all.get(0)!;
  expect(one.band.high[one.band.start]).toBeNaN();
});
