import { expect, test } from 'vitest';
import { Windows } from '../src/store/windows';
import type { WindowRow } from '../src/store/wire';

const row = (minute: number, more: Partial<WindowRow> = {}): WindowRow => ({
  id: String(minute), window: 'minute', key: 'd', channel: 'c', start: `2026-01-01T10:${String(minute).padStart(2, '0')}:00Z`,
  end: `2026-01-01T10:${String(minute + 1).padStart(2, '0')}:00Z`, mean: minute, ...more,
});
const open = (minute: number, more: Partial<WindowRow> = {}): WindowRow => row(minute, { provisional: true, ...more });
const shown = (windows: Windows, still = false): WindowRow[] => windows.groups(new Set(['d']), () => true, still).flatMap((group) => group.rows);
const news = (closed: WindowRow[], open: WindowRow[] | null = null, gap = false) => ({ now: 0, gap, open, closed });

test('what_is_open_stands_on_top_and_is_gone_when_it_has_closed', () => {
  const windows = new Windows();
  windows.take(news([row(1)], [open(2)]));
  windows.past([row(0), row(1)]);
  expect(shown(windows).map((one) => one.mean)).toEqual([2, 1, 0]);
  expect(shown(windows, true).map((one) => one.mean)).toEqual([1, 0]);
  windows.take(news([row(2, { mean: 7 })], []));
  expect(shown(windows).map((one) => [one.mean, one.provisional])).toEqual([[7, undefined], [1, undefined], [0, undefined]]);
});

test('a_window_that_is_given_again_replaces_what_it_said_and_an_older_answer_does_not', () => {
  const windows = new Windows();
  windows.take(news([row(1), row(1, { revision: 1, mean: 5 })]));
  windows.past([row(1)]);
  expect(shown(windows).map((one) => [one.mean, one.revision])).toEqual([[5, 1]]);
});

test('a_window_that_has_just_said_it_is_not_shown_twice', () => {
  const windows = new Windows();
  windows.take(news([row(1)], [open(1)]));
  expect(shown(windows).length).toBe(1);
});

test('windows_and_channels_have_tables_of_their_own_with_the_statistics_by_name', () => {
  const windows = new Windows();
  windows.past([row(1), row(1, { window: 'hour', mean: undefined, p95: 3 }), row(1, { key: 'other' })]);
  const groups = windows.groups(new Set(['d']), (channel) => channel === 'c', false);
  expect(groups.map(({ window, names, rows }) => [window, names.includes('p95'), rows.length])).toEqual([['hour', true, 1], ['minute', false, 1]]);
});

test('rows_are_bounded_and_the_newest_stay', () => {
  const windows = new Windows();
  const at = (second: number): string => new Date(1e12 + second * 1000).toISOString();
  windows.past(Array.from({ length: 900 }, (_, second) => row(0, { start: at(second), end: at(second + 1), mean: second })));
  const rows = shown(windows);
  expect([rows.length, rows[0]!.mean]).toEqual([500, 899]);
});

test('a_gap_is_said', () => {
  expect(new Windows().take(news([], null, true))).toBe(true);
});
