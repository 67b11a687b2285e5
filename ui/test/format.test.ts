import fc from 'fast-check';
import { expect, test } from 'vitest';
import { age, bytes, clockMillis, clockWords, count, decimalsOf, fixed, millis, moment, percent, short, spanWords, tick, timeTick, zone } from '../src/store/format';
import { DAY, HOUR, MINUTE, SECOND } from '../src/store/range';

/** Narrow spaces as plain ones, to be read here. */
const plain = (text: string): string => text.replace(/\u202f/g, ' ').replace(/\u2212/g, '-');

test('numbers_are_grouped_and_have_a_point_whatever_the_locale', () => {
  expect([fixed(1284330), fixed(1234.5, 2), fixed(-0.001, 2), fixed(-1234.5, 1), fixed(NaN), fixed(999)].map(plain)).toEqual(
    ['1 284 330', '1 234.50', '0.00', '-1 234.5', '–', '999'],
  );
});

test('grouping_loses_no_digit', () => {
  fc.assert(
    fc.property(fc.double({ min: -1e12, max: 1e12, noNaN: true }), fc.integer({ min: 0, max: 6 }), (value, decimals) => {
      const back = Number(plain(fixed(value, decimals)).replace(/ /g, ''));
      expect(Math.abs(back - value)).toBeLessThanOrEqual(0.5 * 10 ** -decimals + Math.abs(value) * 1e-12);
    }),
  );
});

test('values_keep_the_decimals_they_came_with', () => {
  expect([21.4, 21.45, 45, 1013.25, 1e-7, 123456.7, 0.12345, -3.5, NaN].map(decimalsOf)).toEqual([1, 2, 0, 1, 3, 0, 3, 1, 0]);
});

test('large_numbers_get_short', () => {
  expect([0, 12, 1002, 12_400, 3_100_000, 4.2e9, 0.5].map(short).map(plain)).toEqual(['0', '12', '1 002', '12.4 k', '3.1 M', '4.2 G', '0.50']);
});

test('little_is_not_nothing', () => {
  expect([0, 0.00001, 0.0031, 0.021, 0.21, 1].map(percent).map(plain)).toEqual(['0 %', '< 0.01 %', '0.31 %', '2.1 %', '21 %', '100 %']);
  expect([null, 0.4, 3.84, 140, 2300].map(millis).map(plain)).toEqual(['–', '0.40 ms', '3.8 ms', '140 ms', '2.3 s']);
});

test('ages_and_spans_are_in_words', () => {
  expect([0, 12 * SECOND, 4 * MINUTE + SECOND, 3 * HOUR, 3 * DAY].map(age).map(plain)).toEqual(['now', '12 s', '4 min', '3 h', '3 d']);
  expect([15 * MINUTE, DAY, 90 * SECOND, 2 * DAY, 90 * MINUTE].map(spanWords).map(plain)).toEqual(['15 min', '24 h', '90 s', '2 d', '90 min']);
  expect([count(1, 'alert'), count(0, 'alert'), count(2, 'anomaly', 'anomalies')].map(plain)).toEqual(['1 alert', '0 alerts', '2 anomalies']);
});

test('sizes_and_wrong_clocks_are_told_in_units_that_people_know', () => {
  expect([0, 1_023, 1_434, 10_239, 1_048_575, 24_117_248, 5e15].map(bytes).map(plain)).toEqual(['0 B', '1023 B'.replace('1', '1 '), '1.4 KiB', '10 KiB', '1.0 MiB', '23 MiB', '4 547 TiB']);
  expect([3.2, -59.96, 250, -7_300, 1.7637e9].map(clockWords).map(plain)).toEqual([
    'clock 3.2 s behind',
    'clock 60.0 s ahead',
    'clock 4 min behind',
    'clock 2 h ahead',
    'clock 20413 d behind',
  ]);
});

test('times_have_24_hours_and_a_day_only_where_it_is_another', () => {
  const local = new Date(2026, 10, 21, 18, 4, 10, 250).getTime() * 1000;
  expect(clockMillis(local)).toBe('18:04:10.250');
  expect(moment(local, local + MINUTE)).toBe('18:04:10');
  expect(moment(local, local + 3 * DAY)).toBe('21 Nov 18:04:10');
  expect(plain(zone(local))).toMatch(/^UTC([+-]\d{1,2}(:\d\d)?)?$/);
});

test('ticks_have_as_many_decimals_as_their_step', () => {
  expect([tick(1200, 200), tick(21.5, 0.5), tick(0.25, 0.05), tick(-2, 1)].map(plain)).toEqual(['1 200', '21.5', '0.25', '-2']);
  const midnight = new Date(2026, 10, 22).getTime() * 1000;
  expect([timeTick(midnight, HOUR), timeTick(midnight + HOUR, HOUR), timeTick(midnight + SECOND, SECOND), timeTick(midnight + 100_000, 100_000)]).toEqual(
    ['22 Nov', '01:00', '00:00:01', '00:00:00.1'],
  );
});
