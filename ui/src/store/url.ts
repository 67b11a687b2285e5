// What is shown, as a query string: a link gives another person the same page. A live quarter of an hour without filters
// is the bare address. Parameters of others are left alone; the key never stays in the address.
//
//   ?from=-1h&to=now&channel=co2&tag.location=lab&q=north
//   ?page=pipeline

import { chosen, NO_FILTER, type Filter } from './filter';
import { DEFAULT_SPAN, live, rangeBetween, spanText, type Range } from './range';
import type { Micros } from './wire';

export type PageName = 'overview' | 'pipeline';

export interface View {
  page: PageName;
  range: Range;
  filter: Filter;
}

const TAG = 'tag.';

export function readView(search: string, now: Micros): View {
  const query = new URLSearchParams(search);
  const filter: Filter = { ...NO_FILTER, tags: {} };
  for (const [name, value] of query) {
    if (name.startsWith(TAG) && name.length > TAG.length) {
      const tag = name.slice(TAG.length);
      filter.tags[tag] = [...chosen(filter, tag), value];
    }
  }
  filter.channels = query.getAll('channel');
  filter.text = query.get('q') ?? '';
  const range = query.has('from') ? rangeBetween(query.get('from')!, query.get('to') ?? 'now', now) : null;
  const page = query.get('page') === 'pipeline' ? 'pipeline' : 'overview';
  return { page, range: range ?? live(DEFAULT_SPAN), filter };
}

export function writeView(view: View, search: string): string {
  const query = new URLSearchParams(search);
  for (const name of [...query.keys()]) {
    if (name.startsWith(TAG) || ['from', 'to', 'channel', 'q', 'key', 'page'].includes(name)) query.delete(name);
  }
  const { page, range, filter } = view;
  if (page !== 'overview') query.set('page', page);
  if (range.kind === 'live') {
    if (range.span !== DEFAULT_SPAN) query.set('from', `-${spanText(range.span)}`);
    if (range.span !== DEFAULT_SPAN) query.set('to', 'now');
  } else {
    query.set('from', String(range.from));
    query.set('to', String(range.to));
  }
  for (const channel of filter.channels) query.append('channel', channel);
  for (const [tag, values] of Object.entries(filter.tags)) for (const value of values) query.append(TAG + tag, value);
  if (filter.text) query.set('q', filter.text);
  const text = query.toString();
  return text ? `?${text}` : '';
}
