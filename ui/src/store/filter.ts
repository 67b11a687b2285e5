// Which series are shown: by tags of their device, by channel, by text. Empty means all.

import type { Series } from './wire';

export interface Filter {
  tags: Record<string, string[]>;
  channels: string[];
  text: string;
}

export const NO_FILTER: Filter = { tags: {}, channels: [], text: '' };

export function isEmpty(filter: Filter): boolean {
  return filter.channels.length === 0 && filter.text === '' && Object.keys(filter.tags).length === 0;
}

/** What a device says of a tag. Names of tags come from outside: `constructor` is one like any other. */
function own<T>(record: Record<string, T>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

/** The values of a tag that are chosen. */
export function chosen(filter: Filter, tag: string): string[] {
  return own(filter.tags, tag) ?? [];
}

/** Words are looked for in device, channel and tags; all must be there; upper and lower case are the same. */
export function matches(series: Series, filter: Filter): boolean {
  if (filter.channels.length > 0 && !filter.channels.includes(series.channel)) return false;
  for (const [tag, values] of Object.entries(filter.tags)) {
    if (values.length > 0 && !values.includes(own(series.tags, tag) ?? '')) return false;
  }
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const text = `${series.device} ${series.channel} ${Object.values(series.tags).join(' ')}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

/** A value of a tag goes in or out; a tag without values is no filter. */
export function toggled(filter: Filter, tag: string, value: string): Filter {
  const had = chosen(filter, tag);
  const values = had.includes(value) ? had.filter((other) => other !== value) : [...had, value];
  const tags = { ...filter.tags };
  if (values.length > 0) tags[tag] = values;
  else delete tags[tag];
  return { ...filter, tags };
}

/** Tags worth a menu: more than one value, and few enough to choose from. */
export function choices(series: Iterable<Series>, most = 30): Map<string, string[]> {
  const found = new Map<string, Set<string>>();
  for (const one of series) {
    for (const [tag, value] of Object.entries(one.tags)) {
      const values = found.get(tag) ?? new Set();
      values.add(value);
      found.set(tag, values);
    }
  }
  const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  return new Map(
    [...found]
      .filter(([, values]) => values.size > 1 && values.size <= most)
      .map(([tag, values]): [string, string[]] => [tag, [...values].sort(order)])
      .sort((a, b) => order(a[0], b[0])),
  );
}
