import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DAY, extent, frozen, HOUR, live, LONGEST, MINUTE, parseMoment, parseRange, parseSpan, pause, resume, SECOND, shift, SHORTEST, spanOf, spanText, zoom } from '../src/store/range';
import { readView, writeView } from '../src/store/url';

const NOW = Date.UTC(2026, 10, 21, 18, 4, 10) * 1000;
const spans = fc.integer({ min: 1000, max: LONGEST / 1000 }).map((ms) => ms * 1000);

test('spans_read_as_people_write_them', () => {
  expect(['90s', '15m', '1h30m', '250ms', '1.5h', ' 2 d ', '10min', '1w'].map(parseSpan)).toEqual(
    [90 * SECOND, 15 * MINUTE, 90 * MINUTE, 250_000, 90 * MINUTE, 2 * DAY, 10 * MINUTE, 7 * DAY],
  );
  expect(['', '15', 'm', '15x', '0s', '-5m', '1h foo', '9999d'].map(parseSpan)).toEqual(Array(8).fill(null));
});

test('a_span_written_reads_back_as_the_same', () => {
  fc.assert(fc.property(spans, (span) => void expect(parseSpan(spanText(span))).toBe(span)));
});

test('moments_may_be_relative_absolute_or_a_time_of_day', () => {
  expect(parseMoment('now', NOW)).toBe(NOW);
  expect(parseMoment('-15m', NOW)).toBe(NOW - 15 * MINUTE);
  expect(parseMoment(String(NOW), 0)).toBe(NOW);
  expect(parseMoment('2026-11-21T18:00:00Z', NOW)).toBe(NOW - 250 * SECOND);
  expect(parseMoment('2026-11-21T20:00:00+02:00', NOW)).toBe(NOW - 250 * SECOND);
  expect(parseMoment('soon', NOW)).toBe(null);
  expect(parseMoment('25:00', NOW)).toBe(null);
  expect(parseMoment('2026-13-41', NOW)).toBe(null);
});

test('a_time_of_day_that_has_not_come_was_yesterday', () => {
  const early = parseMoment('00:00', NOW)!;
  expect(NOW - early).toBeGreaterThanOrEqual(0);
  expect(NOW - early).toBeLessThan(DAY + HOUR);
  const later = new Date(NOW / 1000 + 60_000);
  const text = `${later.getHours()}:${String(later.getMinutes()).padStart(2, '0')}`;
  expect(NOW - parseMoment(text, NOW)!).toBeGreaterThan(22 * HOUR);
});

test('a_range_is_live_when_it_ends_now', () => {
  expect(parseRange('20m', NOW)).toEqual({ kind: 'live', span: 20 * MINUTE });
  expect(parseRange('-2h', NOW)).toEqual({ kind: 'live', span: 2 * HOUR });
  expect(parseRange('-1h to now', NOW)).toEqual({ kind: 'live', span: HOUR });
  expect(parseRange('-2h .. -1h', NOW)).toMatchObject({ kind: 'frozen', from: NOW - 2 * HOUR, to: NOW - HOUR });
  expect(parseRange('14:00 to 14:30', NOW)).toMatchObject({ kind: 'frozen' });
  expect(['', 'to', 'x to y', '-1h to -2h', '5'].map((text) => parseRange(text, NOW))).toEqual(Array(5).fill(null));
});

test('nothing_typed_makes_it_throw_or_gives_a_range_upside_down', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const range = parseRange(text, NOW);
      if (range) expect(extent(range, NOW).from).toBeLessThan(extent(range, NOW).to);
    }),
  );
});

test('a_frozen_range_is_in_order_and_within_its_bounds', () => {
  const times = fc.integer({ min: 0, max: NOW });
  fc.assert(
    fc.property(times, times, (a, b) => {
      const range = frozen(a, b, MINUTE);
      expect(range.to - range.from).toBeGreaterThanOrEqual(SHORTEST);
      expect(range.to - range.from).toBeLessThanOrEqual(LONGEST);
    }),
  );
});

test('back_and_on_again_is_live_again', () => {
  const back = shift(live(10 * MINUTE), -1, NOW);
  expect(back).toMatchObject({ kind: 'frozen', from: NOW - 15 * MINUTE, to: NOW - 5 * MINUTE });
  expect(shift(back, 1, NOW)).toEqual(live(10 * MINUTE));
});

test('zooming_keeps_the_end_of_live_and_the_middle_of_frozen', () => {
  expect(zoom(live(MINUTE), 2, NOW)).toEqual(live(2 * MINUTE));
  const range = frozen(NOW - 40 * MINUTE, NOW - 20 * MINUTE, MINUTE);
  expect(zoom(range, 0.5, NOW)).toMatchObject({ from: NOW - 35 * MINUTE, to: NOW - 25 * MINUTE });
  const wide = zoom(frozen(NOW - 4 * MINUTE, NOW, MINUTE), 2, NOW);
  expect(extent(wide, NOW).to).toBe(NOW);
  expect(spanOf(wide)).toBe(8 * MINUTE);
});

test('a_pause_keeps_what_it_came_from', () => {
  const paused = pause(live(HOUR), NOW);
  expect(paused).toMatchObject({ kind: 'frozen', paused: true, from: NOW - HOUR, to: NOW });
  expect(resume(paused)).toEqual(live(HOUR));
});

test('the_address_says_what_is_shown_and_leaves_the_rest_alone', () => {
  const view = { page: 'pipeline' as const, range: live(HOUR), filter: { tags: { location: ['lab', 'a,b'] }, channels: ['co2'], text: 'roof 5' } };
  const search = writeView(view, '?key=secret&debug=1&channel=old');
  expect(search).not.toContain('secret');
  expect(search).toContain('debug=1');
  expect(readView(search, NOW)).toEqual(view);
});

test('any_view_reads_back_from_its_address', () => {
  const word = fc.string({ minLength: 1, maxLength: 8 });
  const tags = fc.dictionary(word.filter((name) => name !== '__proto__'), fc.uniqueArray(word, { minLength: 1, maxLength: 3 }), { maxKeys: 3, noNullPrototype: true });
  fc.assert(
    fc.property(spans, tags, fc.uniqueArray(word, { maxLength: 3 }), fc.string(), (span, chosen, channels, text) => {
      const view = { page: 'overview' as const, range: live(Math.max(SHORTEST, span)), filter: { tags: chosen, channels, text } };
      expect(readView(writeView(view, ''), NOW)).toEqual(view);
    }),
  );
});

test('the_bare_address_is_the_last_quarter_of_an_hour', () => {
  expect(readView('', NOW).range).toEqual(live(15 * MINUTE));
  expect(writeView(readView('', NOW), '')).toBe('');
  expect(readView('?from=nonsense', NOW).range).toEqual(live(15 * MINUTE));
});
