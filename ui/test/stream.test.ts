import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Announcer, changed, ordered, synced } from '../src/store/alerts';
import { choices, matches, NO_FILTER, toggled } from '../src/store/filter';
import { LaneStore, niceWidth } from '../src/store/lanes';
import { backoff, linked, type Link } from '../src/store/link';
import { Model } from '../src/store/model';
import { Pace } from '../src/store/pace';
import type { Alert, Frame, Hello, Meta } from '../src/store/wire';

const T = 1_763_715_600_000_000;
const alert = (id: string, more: Partial<Alert> = {}): Alert => ({
  id, alert: 'spike', s: 0, device: 'd', channel: 'c', state: 'firing', severity: 'warning', since: T, time: T, cleared: null, count: 1, kind: 'spike',
  detector: 'spike', value: 1, expected: 0, score: 4, threshold: 3, message: 'jumped', acknowledged: null, silenced_until: null, ...more,
});
const meta = (more: Partial<Meta> = {}): Meta => ({
  v: 1, boot: 'a', version: '1', name: 'n', now: T, write: true, channels: [{ name: 'c', unit: 'u', range: null }],
  series: [{ s: 0, device: 'd', channel: 'c', tags: {} }], detectors: [], more: false, ...more,
});
const hello = (boot = 'a', now = T): Hello => ({ v: 1, boot, cid: 'c1', now, hz: 10, gap: false, series: 1 });
const frame = (seq: number, v = seq): Frame => ({ now: T + seq * 100_000, seq, t0: T + seq * 100_000, s: [0], t: [0], v: [v], f: [0], skipped: 0 });
const points = (model: Model): (number | null)[] => {
  const { ring } = model.lines.all.get(0)!;
  return [...ring.v.subarray(ring.start, ring.end)].map((v) => (Number.isNaN(v) ? null : v));
};
const begun = (): Model => {
  const model = new Model();
  model.met(meta());
  model.hello(hello(), false);
  for (let seq = 1; seq <= 5; seq += 1) model.frame(frame(seq), seq * 100);
  return model;
};

test('a_frame_that_comes_twice_counts_once', () => {
  const model = begun();
  model.frame(frame(5), 600);
  model.frame(frame(3), 600);
  expect(model.frames.delivered).toBe(5);
  expect(points(model)).toEqual([1, 2, 3, 4, 5]);
});

test('after_a_reconnect_nothing_is_joined_and_the_range_is_asked_for_anew', () => {
  const model = begun();
  const epoch = model.epoch.value;
  model.hello(hello('a', T + 600_000), false);
  model.frame(frame(6), 700);
  expect(points(model)).toEqual([1, 2, 3, 4, 5, null, 6]);
  expect(model.epoch.value).toBe(epoch + 1);
  expect(model.notice.value).toBe(null);
});

test('a_handover_to_another_rate_leaves_no_gap', () => {
  const model = begun();
  model.hello(hello('a', T + 600_000), true);
  model.frame(frame(5), 700);
  model.frame(frame(6), 700);
  expect(points(model)).toEqual([1, 2, 3, 4, 5, 6]);
});

test('another_boot_is_a_restart_and_another_version_asks_for_a_reload', () => {
  const model = begun();
  model.hello(hello('b'), false);
  expect(model.notice.value).toBe('restarted');
  model.met(meta({ boot: 'b', version: '2' }));
  expect(model.notice.value).toBe('upgraded');
});

test('series_whose_numbers_mean_others_now_begin_anew', () => {
  const model = begun();
  model.met(meta({ series: [{ s: 0, device: 'other', channel: 'c', tags: {} }] }));
  expect(points(model)).toEqual([]);
});

test('while_paused_everything_is_kept_and_counted', () => {
  const model = begun();
  model.pause();
  for (let seq = 6; seq <= 105; seq += 1) model.frame(frame(seq), seq * 100);
  model.alerted(alert('new'));
  expect(model.missed.value).toEqual({ readings: 100, alerts: 1 });
  expect(model.extent().to).toBe(T + 500_000);
  model.resume();
  expect(points(model).length).toBe(105);
  expect(points(model)).not.toContain(null);
  expect(model.missed.value).toEqual({ readings: 0, alerts: 0 });
});

test('a_snapshot_is_all_there_is_of_alerts', () => {
  const model = begun();
  model.alerted(alert('old'));
  model.synced({ now: T, alerts: [alert('new'), alert('gone', { state: 'cleared' })], series: [], kpi: null, lanes: null });
  expect([...model.open.value.keys()]).toEqual(['new']);
});

test('rows_are_the_newest_first_and_only_of_what_is_shown', () => {
  const model = begun();
  model.publishRows();
  expect(model.rows.value.map((row) => row.v)).toEqual([5, 4, 3, 2, 1]);
  model.filter.value = { ...NO_FILTER, text: 'nobody' };
  expect(model.rows.value).toEqual([]);
  model.filter.value = NO_FILTER;
  expect(model.rows.value.length).toBe(5);
});

test('an_older_change_of_an_alert_changes_nothing_and_a_cleared_one_leaves', () => {
  const newer = alert('a', { time: T + 5, count: 2 });
  let open = changed(new Map(), newer);
  open = changed(open, alert('a', { time: T + 1 }));
  expect(open.get('a')?.count).toBe(2);
  expect(changed(open, alert('a', { state: 'cleared', time: T + 9, cleared: T + 9 })).size).toBe(0);
});

test('open_alerts_are_bounded', () => {
  let open: ReadonlyMap<string, Alert> = synced([]);
  for (let i = 0; i < 1100; i += 1) open = changed(open, alert(String(i), { time: T + i }));
  expect(open.size).toBe(1000);
  expect(open.has('0')).toBe(false);
});

test('the_worst_stands_first_and_what_somebody_has_stands_last', () => {
  const open = synced([
    alert('seen', { severity: 'critical', acknowledged: { at: T } }),
    alert('warning', { since: T + 9 }),
    alert('silent', { severity: 'critical', silenced_until: T + 100 }),
    alert('critical', { severity: 'critical' }),
    alert('pending', { state: 'pending', severity: 'critical' }),
  ]);
  expect(ordered(open, T).map((one) => one.id)).toEqual(['critical', 'warning', 'pending', 'seen', 'silent']);
  expect(ordered(open, T + 200)[0]!.severity).toBe('critical');
});

test('alerts_are_announced_once_and_at_most_every_five_seconds', () => {
  const told = new Announcer();
  told.known([alert('old')]);
  told.add(alert('old'));
  expect(told.due(0)).toBe(null);
  told.add(alert('a'));
  expect(told.due(0)).toContain('New alert');
  told.add(alert('b'));
  told.add(alert('c', { severity: 'critical' }));
  expect(told.due(4999)).toBe(null);
  expect(told.due(5000)).toContain('2 new alerts. critical');
  told.add(alert('c'));
  expect(told.due(20_000)).toBe(null);
});

test('hearing_of_a_cell_twice_changes_nothing', () => {
  const lanes = new LaneStore();
  const cells = { t: 0, width: 10e6, all: 2, s: [3], level: [2], count: [4] };
  lanes.change(cells);
  lanes.change(cells);
  const [first] = lanes.buckets({ from: 0, to: 60e6 }, 6, null);
  expect(first).toMatchObject({ level: 2, count: 4 });
});

test('cells_are_laid_over_an_answer_without_counting_twice', () => {
  const lanes = new LaneStore();
  lanes.take({ from: 0, to: 60e6, width: 10e6, all: [0, 1, 0, 0, 0, 0], series: [{ s: 3, cells: [[1, 1, 2]] }] });
  lanes.change({ t: 10e6, width: 10e6, all: 2, s: [3], level: [2], count: [3] });
  lanes.change({ t: 60e6, width: 10e6, all: 1, s: [4], level: [1], count: [1] });
  const cells = lanes.buckets({ from: 0, to: 70e6 }, 7, null);
  expect(cells.map((cell) => cell.level)).toEqual([0, 2, 0, 0, 0, 0, 1]);
  expect(cells.map((cell) => cell.count)).toEqual([0, 2, 0, 0, 0, 0, 1]);
  expect(lanes.buckets({ from: 0, to: 70e6 }, 7, (s) => s === 4).map((cell) => cell.level)).toEqual([0, 0, 0, 0, 0, 0, 1]);
});

test('buckets_cover_the_range_whatever_it_is', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1_000_000, max: 1e12 }), fc.integer({ min: 0, max: 1e15 }), fc.integer({ min: 1, max: 200 }), (span, from, wanted) => {
      const buckets = new LaneStore().buckets({ from, to: from + span }, wanted, null);
      expect(buckets[0]!.from).toBeLessThanOrEqual(from);
      expect(buckets.at(-1)!.to).toBeGreaterThanOrEqual(from + span - 1);
      expect(buckets.length).toBeLessThanOrEqual(wanted + 2);
    }),
  );
  expect(niceWidth(7.5e6)).toBe(10e6);
});

test('a_browser_that_was_blocked_draws_at_most_one_stale_picture', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1500, max: 20_000 }), fc.integer({ min: 0, max: 20 }), (blocked, heap) => {
      const pace = new Pace();
      let here = 0;
      for (; here < 3000; here += 100) pace.frame(here + 7e11, here);
      // The heap of old frames comes at once, a draw is tried after each; then frames are fresh again.
      const resumed = here + blocked;
      let stale = 0;
      for (let i = 0; i < heap; i += 1) {
        pace.frame(here + i * 100 + 7e11, resumed + i);
        if (pace.mayDraw(resumed + i)) stale += pace.age(here + i * 100 + 7e11, resumed + i) > 1000 ? 1 : 0;
      }
      expect(stale).toBeLessThanOrEqual(1);
      pace.frame(resumed + 100 + 7e11, resumed + 100);
      expect(pace.mayDraw(resumed + 100)).toBe(true);
    }),
  );
});

test('a_stale_picture_is_drawn_when_no_newer_one_comes', () => {
  const pace = new Pace();
  pace.frame(0, 0);
  expect(pace.mayDraw(3000)).toBe(false);
  expect(pace.mayDraw(3300)).toBe(false);
  expect(pace.mayDraw(3400)).toBe(true);
});

test('slow_drawing_asks_for_fewer_frames_and_quick_drawing_for_more_again', () => {
  const pace = new Pace();
  expect(pace.drawn(400, 0)).toBe(null);
  for (let i = 0; i < 5; i += 1) pace.drawn(5, i);
  const asked = [60, 60, 60, 60, 60, 60].map((took, i) => pace.drawn(took, 100 + i)).filter((rate) => rate !== null);
  expect(asked).toEqual([4, 1]);
  let up: number | null = null;
  for (let at = 1000; at < 40_000 && up === null; at += 1000) up = pace.drawn(5, at);
  expect(up).toBe(4);
});

test('the_link_counts_attempts_and_forgets_them_when_it_is_back', () => {
  let link: Link = linked({ state: 'connecting' }, { on: 'hello', hz: 10 });
  link = linked(link, { on: 'lost', nextAt: 5, why: 'gone' });
  link = linked(link, { on: 'open' });
  link = linked(link, { on: 'lost', nextAt: 9, why: 'gone' });
  expect(link).toMatchObject({ state: 'reconnecting', attempt: 2, nextAt: 9 });
  link = linked(link, { on: 'hello', hz: 4 });
  expect(link).toEqual({ state: 'live', hz: 4, skipped: 0 });
  link = linked(link, { on: 'lag', skipped: 41, since: 1 });
  expect(link.state).toBe('lagging');
  expect(linked(link, { on: 'frame', skipped: 41 })).toMatchObject({ state: 'live', skipped: 41 });
});

test('attempts_come_ever_more_slowly_up_to_fifteen_seconds', () => {
  expect([1, 2, 3, 4, 5, 50].map((attempt) => backoff(attempt, 0))).toEqual([1000, 2000, 4000, 8000, 15_000, 15_000]);
  expect(backoff(3, 0.999)).toBeGreaterThan(2999);
});

test('a_filter_finds_by_tag_channel_and_words', () => {
  const one = { s: 0, device: 'Lab-Temp-03', channel: 'temperature', tags: { location: 'lab' } };
  expect(matches(one, NO_FILTER)).toBe(true);
  expect(matches(one, { ...NO_FILTER, text: 'LAB temp' })).toBe(true);
  expect(matches(one, { ...NO_FILTER, text: 'lab hum' })).toBe(false);
  expect(matches(one, { ...NO_FILTER, channels: ['co2'] })).toBe(false);
  const filter = toggled(NO_FILTER, 'location', 'roof');
  expect(matches(one, filter)).toBe(false);
  expect(matches(one, toggled(filter, 'location', 'lab'))).toBe(true);
  expect(toggled(filter, 'location', 'roof').tags).toEqual({});
});

test('only_tags_that_tell_apart_get_a_menu', () => {
  const of = (tags: Record<string, string>, s: number) => ({ s, device: `d${s}`, channel: 'c', tags });
  const found = choices([of({ location: 'lab', site: 'x', id: '1' }, 1), of({ location: 'roof', site: 'x', id: '2' }, 2)], 2);
  expect([...found.keys()]).toEqual(['id', 'location']);
  expect(choices([of({ id: '1' }, 1), of({ id: '2' }, 2), of({ id: '3' }, 3)], 2).size).toBe(0);
});
