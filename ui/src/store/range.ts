// The time range of the page. A live range ends now and moves on; a frozen one stays and the page says so.
//
//   15m  -15m  1h30m  90s      the last quarter of an hour, live
//   14:00 to 14:30             of the viewer's day; also 2025-11-21 14:00, RFC 3339, microseconds, now, -2h

import type { Micros } from './wire';

export const SECOND: Micros = 1_000_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export const PRESETS = [
  ['1m', MINUTE],
  ['5m', 5 * MINUTE],
  ['15m', 15 * MINUTE],
  ['1h', HOUR],
  ['6h', 6 * HOUR],
  ['24h', DAY],
] as const;

export const DEFAULT_SPAN = 15 * MINUTE;
export const SHORTEST = SECOND;
export const LONGEST = 366 * DAY;

export type Range = { kind: 'live'; span: Micros } | Frozen;
/** `span` is what a return to live goes back to; `paused` says that somebody pressed pause, and did not choose a range. */
export type Frozen = { kind: 'frozen'; from: Micros; to: Micros; span: Micros; paused: boolean };
export type Extent = { from: Micros; to: Micros };

export function extent(range: Range, now: Micros): Extent {
  return range.kind === 'live' ? { from: now - range.span, to: now } : { from: range.from, to: range.to };
}

export function live(span: Micros): Range {
  return { kind: 'live', span: Math.min(LONGEST, Math.max(SHORTEST, Math.round(span))) };
}

/** A frozen range between two times, whichever comes first, and never shorter than what can be drawn. */
export function frozen(a: Micros, b: Micros, span: Micros, paused = false): Frozen {
  let from = Math.round(Math.min(a, b));
  let to = Math.round(Math.max(a, b));
  if (to - from < SHORTEST) {
    from = Math.round((from + to - SHORTEST) / 2);
    to = from + SHORTEST;
  }
  if (to - from > LONGEST) from = to - LONGEST;
  return { kind: 'frozen', from, to, span, paused };
}

export function spanOf(range: Range): Micros {
  return range.kind === 'live' ? range.span : range.to - range.from;
}

/** Half a range back (-1) or on (+1). What would end in the future is live again. */
export function shift(range: Range, way: -1 | 1, now: Micros): Range {
  const { from, to } = extent(range, now);
  const step = (way * (to - from)) / 2;
  if (to + step >= now) return live(to - from);
  return frozen(from + step, to + step, range.span);
}

/** Twice as wide (2) or half as wide (0.5), about the middle; a live range keeps its end. */
export function zoom(range: Range, factor: number, now: Micros): Range {
  if (range.kind === 'live') return live(range.span * factor);
  const { from, to } = range;
  const span = Math.min(LONGEST, Math.max(SHORTEST, (to - from) * factor));
  const end = Math.min(now, (from + to) / 2 + span / 2);
  return frozen(end - span, end, range.span);
}

export function pause(range: Range, now: Micros): Range {
  if (range.kind === 'frozen') return range;
  return frozen(now - range.span, now, range.span, true);
}

export function resume(range: Range): Range {
  return live(range.span);
}

const UNITS: Record<string, Micros> = { ms: 1000, s: SECOND, m: MINUTE, min: MINUTE, h: HOUR, d: DAY, w: 7 * DAY };

/** `90s`, `1h30m`, `250ms`, `1.5h`: microseconds, or null. */
export function parseSpan(text: string): Micros | null {
  const parts = [...text.trim().matchAll(/(\d+(?:\.\d+)?)\s*(ms|min|[smhdw])\s*/gy)];
  const length = parts.reduce((sum, part) => sum + part[0].length, 0);
  if (parts.length === 0 || length !== text.trim().length) return null;
  const total = parts.reduce((sum, part) => sum + Number(part[1]) * (UNITS[part[2]!] ?? NaN), 0);
  return total > 0 && total <= LONGEST ? Math.round(total) : null;
}

/** The shortest way to write a span that reads back as the same: `1h30m`. Below a millisecond it is rounded. */
export function spanText(span: Micros): string {
  let rest = Math.max(1000, Math.round(span / 1000) * 1000);
  let text = '';
  for (const unit of ['d', 'h', 'm', 's', 'ms'] as const) {
    const size = UNITS[unit]!;
    const count = Math.floor(rest / size);
    // 24h and 36h are what people say.
    if (unit === 'd' && rest < 3 * DAY) continue;
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text;
}

/** A moment: `now`, `-15m`, microseconds, RFC 3339, or a date or time of day where the viewer is. */
export function parseMoment(text: string, now: Micros): Micros | null {
  const word = text.trim();
  if (word === 'now') return now;
  if (/^-/.test(word)) {
    const span = parseSpan(word.slice(1));
    return span === null ? null : now - span;
  }
  if (/^\d{12,17}$/.test(word)) return Number(word);
  const day = /^(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,3}))?)?$/.exec(word);
  if (day) {
    const [hours, minutes, seconds] = [Number(day[1]), Number(day[2]), Number(day[3] ?? 0)];
    if (hours > 23 || minutes > 59 || seconds > 59) return null;
    const date = new Date(now / 1000);
    date.setHours(hours, minutes, seconds, Number((day[4] ?? '').padEnd(3, '0') || 0));
    // Half past eleven, said at ten past midnight, was yesterday.
    if (date.getTime() * 1000 > now) date.setDate(date.getDate() - 1);
    return date.getTime() * 1000;
  }
  const written = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)(Z|[+-]\d{2}:\d{2})?)?$/i.exec(word);
  if (!written) return null;
  const at = Date.parse(`${written[1]}T${written[2] ?? '00:00'}${(written[3] ?? '').toUpperCase()}`);
  return Number.isNaN(at) ? null : at * 1000;
}

/** What somebody types into the range field. */
export function parseRange(text: string, now: Micros, span: Micros = DEFAULT_SPAN): Range | null {
  const alone = parseSpan(text.trim().replace(/^-/, ''));
  if (alone !== null) return live(alone);
  const halves = text.split(/\s+(?:to|until|-|–|—)\s+|\s*(?:\.\.\.?|…)\s*/);
  if (halves.length !== 2) return null;
  return rangeBetween(halves[0]!, halves[1]!, now, span);
}

/** The same from two halves, as `from` and `to` stand in an address. */
export function rangeBetween(a: string, b: string, now: Micros, span: Micros = DEFAULT_SPAN): Range | null {
  const from = parseMoment(a, now);
  const to = parseMoment(b, now);
  if (from === null || to === null || from >= to) return null;
  return b.trim() === 'now' ? live(to - from) : frozen(from, to, span);
}
