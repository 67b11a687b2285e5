// What windows say of the series that somebody looks at: those that have closed, and on top what is open so far. A row is
// an object of the server's; everything in it that is no name, time or mark is a statistic.

import type { Micros, WindowNews, WindowRow } from './wire';

/** Rows of closed windows that are kept, the newest. */
const BOUND = 500;
/** A stream tells of the windows of so many series. */
export const LOOKED_BOUND = 16;

const NO_STATISTIC = new Set(['s', 'provisional', 'id', 'window', 'key', 'channel', 'start', 'end', 'revision', 'partial']);

/** The rows of one window of the plan over one channel, newest first; `names` are those of its statistics. */
export interface WindowGroup {
  window: string;
  channel: string;
  names: string[];
  rows: WindowRow[];
}

export class Windows {
  private open: WindowRow[] = [];
  private closed = new Map<string, WindowRow>();

  /** What the stream says. Gives whether rows are missing before it. */
  take(news: WindowNews): boolean {
    if (news.open) this.open = news.open;
    for (const row of news.closed) this.close(row);
    this.trim();
    return news.gap;
  }

  /** What is at rest; the stream may have told newer revisions meanwhile. */
  past(rows: WindowRow[]): void {
    for (const row of rows) this.close(row);
    this.trim();
  }

  clear(): void {
    this.open = [];
    this.closed.clear();
  }

  /** All rows of these devices, in the order of windows, then channels; `so far` is left out where the page stands still. */
  groups(devices: ReadonlySet<string>, about: (channel: string) => boolean, still: boolean): WindowGroup[] {
    const groups = new Map<string, WindowGroup>();
    const add = (row: WindowRow): void => {
      if (!devices.has(row.key) || !about(row.channel)) return;
      const name = `${row.window}\n${row.channel}`;
      const group = groups.get(name) ?? { window: row.window, channel: row.channel, names: [], rows: [] };
      groups.set(name, group);
      group.rows.push(row);
      for (const one of statisticsOf(row)) if (!group.names.includes(one)) group.names.push(one);
    };
    // A window that speaks at every reading has just said what it would say now.
    if (!still) this.open.filter((row) => this.closed.get(keyOf(row))?.end !== row.end).forEach(add);
    [...this.closed.values()].forEach(add);
    for (const group of groups.values()) group.rows.sort(before);
    return [...groups.values()].sort((a, b) => order(a.window, b.window) || order(a.channel, b.channel));
  }

  private close(row: WindowRow): void {
    const known = this.closed.get(keyOf(row));
    if ((known?.revision ?? 0) > (row.revision ?? 0)) return;
    this.closed.set(keyOf(row), row);
  }

  private trim(): void {
    if (this.closed.size <= BOUND) return;
    const rows = [...this.closed].sort((a, b) => before(a[1], b[1]));
    this.closed = new Map(rows.slice(0, BOUND));
  }
}

/** What stays the same when a window is given again. */
function keyOf(row: WindowRow): string {
  return `${row.window}\n${row.key}\n${row.channel}\n${row.start}`;
}

export function statisticsOf(row: WindowRow): string[] {
  return Object.keys(row).filter((name) => !NO_STATISTIC.has(name));
}

/** A time of a row in microseconds; NaN where it is none that a clock of people knows. */
export function momentOf(text: string): Micros {
  return Date.parse(text) * 1000;
}

/** The open ones first, then the newest; devices by name. */
function before(a: WindowRow, b: WindowRow): number {
  const open = Number(b.provisional ?? false) - Number(a.provisional ?? false);
  return open || momentOf(b.end) - momentOf(a.end) || momentOf(b.start) - momentOf(a.start) || order(a.key, b.key);
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
