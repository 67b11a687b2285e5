// Numbers and times in one fixed form, whatever the language of the browser: a point before decimals, a narrow space
// between thousands, days of 24 hours where the viewer is, with the zone beside them.

import { DAY, HOUR, MINUTE, SECOND } from './range';
import type { Micros } from './wire';

const NARROW = '\u202f';
const MINUS = '\u2212';

/** `1 284 330.50`: grouped, with exactly this many decimals. */
export function fixed(value: number, decimals = 0): string {
  if (!Number.isFinite(value)) return '–';
  const [whole, part] = Math.abs(value).toFixed(Math.max(0, Math.min(9, decimals))).split('.');
  const grouped = whole!.replace(/\B(?=(\d{3})+$)/g, NARROW);
  const text = part ? `${grouped}.${part}` : grouped;
  // No minus before what was rounded to nothing.
  return value < 0 && /[1-9]/.test(text) ? MINUS + text : text;
}

/** How many decimals a number was given with, three at the most, and five figures at the most. */
export function decimalsOf(value: number): number {
  if (!Number.isFinite(value) || Number.isInteger(value)) return 0;
  const magnitude = Math.abs(value);
  const most = magnitude >= 10_000 ? 0 : magnitude >= 1000 ? 1 : magnitude >= 100 ? 2 : 3;
  const text = magnitude.toString();
  const given = text.includes('e') ? 3 : text.length - text.indexOf('.') - 1;
  return Math.min(most, given);
}

/** `12.4 k`, `3.1 M`: three figures, for places with little room. */
export function short(value: number): string {
  const magnitude = Math.abs(value);
  for (const [size, sign] of [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const) {
    if (magnitude >= size * (size === 1e3 ? 10 : 1)) {
      const scaled = value / size;
      return `${fixed(scaled, Math.abs(scaled) >= 100 ? 0 : 1)}${NARROW}${sign}`;
    }
  }
  return fixed(value, Number.isInteger(value) || magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : 2);
}

/** `0.31 %` of a share between 0 and 1. Little is shown as little, not as nothing. */
export function percent(share: number): string {
  const value = share * 100;
  if (value > 0 && value < 0.01) return `<${NARROW}0.01${NARROW}%`;
  return `${fixed(value, value === 0 || value >= 10 ? 0 : value >= 1 ? 1 : 2)}${NARROW}%`;
}

export function millis(value: number | null): string {
  if (value === null) return '–';
  if (value >= 1000) return `${fixed(value / 1000, 1)}${NARROW}s`;
  return `${fixed(value, value >= 100 ? 0 : value >= 1 ? 1 : 2)}${NARROW}ms`;
}

/** `812 B`, `1.4 KiB`, `23 MiB`: powers of 1024, as the command says it. */
export function bytes(value: number): string {
  if (value < 1024) return `${fixed(value)}${NARROW}B`;
  let [size, unit] = [value / 1024, 0];
  // What would be rounded to 1024 belongs to the next unit.
  while (size >= 1023.5 && unit < 3) [size, unit] = [size / 1024, unit + 1];
  return `${fixed(size, size < 9.95 ? 1 : 0)}${NARROW}${['KiB', 'MiB', 'GiB', 'TiB'][unit]}`;
}

/** `clock 3.2 s behind`, `clock 4 min ahead`. */
export function clockWords(behind: number): string {
  const off = Math.abs(behind);
  const words = off < 60 ? `${fixed(off, 1)}${NARROW}s` : age(off * SECOND);
  return `clock ${words} ${behind < 0 ? 'ahead' : 'behind'}`;
}

const two = (value: number): string => String(value).padStart(2, '0');
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `18:04:10` */
export function clock(at: Micros): string {
  const date = new Date(at / 1000);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** `18:04:10.250` */
export function clockMillis(at: Micros): string {
  return `${clock(at)}.${String(new Date(at / 1000).getMilliseconds()).padStart(3, '0')}`;
}

/** `18:04:10.2` */
export function clockTenths(at: Micros): string {
  return clockMillis(at).slice(0, 10);
}

/** `21 Nov` */
export function day(at: Micros): string {
  const date = new Date(at / 1000);
  return `${date.getDate()} ${MONTHS[date.getMonth()] ?? ''}`;
}

/** `18:04:10`, and the day before it where it is another one than that of `now`. */
export function moment(at: Micros, now: Micros): string {
  return day(at) === day(now) && Math.abs(now - at) < 2 * DAY ? clock(at) : `${day(at)} ${clock(at)}`;
}

/** The zone of the viewer at that time: `UTC`, `UTC+2`, `UTC+5:30`. */
export function zone(at: Micros): string {
  const minutes = -new Date(at / 1000).getTimezoneOffset();
  if (minutes === 0) return 'UTC';
  const rest = Math.abs(minutes) % 60;
  return `UTC${minutes < 0 ? MINUS : '+'}${Math.floor(Math.abs(minutes) / 60)}${rest ? `:${two(rest)}` : ''}`;
}

/** `now`, `12 s`, `4 min`, `3 h`, `2 d`: whole, rounded down. */
export function age(span: Micros): string {
  if (span < SECOND) return 'now';
  if (span < MINUTE) return `${Math.floor(span / SECOND)}${NARROW}s`;
  if (span < HOUR) return `${Math.floor(span / MINUTE)}${NARROW}min`;
  if (span < 2 * DAY) return `${Math.floor(span / HOUR)}${NARROW}h`;
  return `${Math.floor(span / DAY)}${NARROW}d`;
}

/** `last 15 min`, `last 90 s`, in words for people. */
export function spanWords(span: Micros): string {
  for (const [size, word] of [
    [DAY, 'd'],
    [HOUR, 'h'],
    [MINUTE, 'min'],
    [SECOND, 's'],
  ] as const) {
    if (size === DAY && span < 2 * DAY) continue;
    if (span >= size && span % size === 0) return `${span / size}${NARROW}${word}`;
  }
  if (span >= HOUR) return `${fixed(span / HOUR, 1)}${NARROW}h`;
  if (span >= MINUTE) return `${fixed(span / MINUTE, 1)}${NARROW}min`;
  return `${fixed(span / SECOND, 1)}${NARROW}s`;
}

/** `1 alert`, `3 alerts`. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${fixed(n)} ${n === 1 ? one : many}`;
}

/** Ticks of a value axis whose steps are this far apart. */
export function tick(value: number, step: number): string {
  const decimals = Math.max(0, Math.min(6, Math.ceil(-Math.log10(step) - 1e-9)));
  return fixed(value, decimals);
}

/** Ticks of a time axis whose steps are this far apart; at midnight it is the day. */
export function timeTick(at: Micros, step: Micros): string {
  const date = new Date(at / 1000);
  const midnight = date.getHours() === 0 && date.getMinutes() === 0 && date.getSeconds() === 0;
  if (step >= DAY || (midnight && step >= MINUTE)) return day(at);
  if (step >= MINUTE) return clock(at).slice(0, 5);
  return step >= SECOND ? clock(at) : clockTenths(at);
}
