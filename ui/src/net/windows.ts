// Asks for the windows that closed before somebody looked at them. The stream tells of the others.

import { effect } from '@preact/signals';
import type { Model } from '../store/model';
import { DAY } from '../store/range';
import type { WindowRow } from '../store/wire';
import { ask } from './rest';

const DEBOUNCE_MS = 80;
const ROWS = 200;

export function followWindows(model: Model, changed: () => void): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let abort = new AbortController();
  const look = async (): Promise<void> => {
    abort.abort();
    abort = new AbortController();
    const { signal } = abort;
    const looked = model.looked.peek();
    if (looked.length === 0 || model.clock === 0) return;
    const series = looked.flatMap((s) => model.lines.all.get(s)?.series ?? []);
    const { from, to } = model.extent();
    // A window of a day closes once a day: the page's quarter of an hour would have none.
    const query = new URLSearchParams({ from: String(Math.round(Math.min(from, to - DAY))), to: String(Math.round(to)), limit: String(ROWS) });
    for (const device of new Set(series.map((one) => one.device))) query.append('device', device);
    for (const channel of new Set(series.map((one) => one.channel))) query.append('channel', channel);
    try {
      const answer = await ask<{ aggregates: WindowRow[] }>(`/api/v1/aggregates?${query}`, signal);
      model.windowsPast(answer.aggregates);
    } catch {
      // Given up for a newer question, or the server is gone: then the next connect asks again.
    }
  };
  effect(() => {
    void [model.looked.value, model.epoch.value, model.windowGaps.value];
    changed();
    clearTimeout(timer);
    timer = setTimeout(() => void look(), DEBOUNCE_MS);
  });
}
