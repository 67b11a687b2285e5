// Asks for what the stream does not bring: the past of every chart on the screen, and the lane. Again after another range,
// another filter, a reconnect, and when a chart's own points run out. An older question is given up for a newer one.

import { effect } from '@preact/signals';
import { LINES_BOUND, type Model } from '../store/model';
import { extent } from '../store/range';
import type { Lanes, SeriesAnswer } from '../store/wire';
import { ask } from './rest';

const DEBOUNCE_MS = 80;
const LANE_BUCKETS = 120;
/** Counts of the lane's newest buckets are settled by asking again now and then. */
const LANE_EVERY_MS = 60_000;
const LOOK_EVERY_MS = 5000;

interface Question {
  key: string;
  abort: AbortController;
}

export function startBackfill(model: Model, dirty: () => void): void {
  const asked = new Map<string, Question>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let laneKey = '';
  let laneAt = 0;
  let waiting = false;
  let running = 0;
  const settle = (): void => {
    model.settled = !waiting && running === 0 && model.clock > 0;
  };
  const run = async <T>(work: Promise<T>): Promise<T> => {
    running += 1;
    settle();
    try {
      return await work;
    } finally {
      running -= 1;
      settle();
    }
  };

  const look = (): void => {
    waiting = false;
    const reachable = model.link.peek().state !== 'reconnecting';
    if (!reachable || model.clock === 0) return;
    const range = model.range.peek();
    const place = `${model.epoch.peek()} ${range.kind} ${range.kind === 'live' ? range.span : `${range.from} ${range.to}`}`;
    for (const channel of asked.keys()) {
      if (model.wanted.peek().has(channel)) continue;
      asked.get(channel)?.abort.abort();
      asked.delete(channel);
    }
    for (const [channel, px] of model.wanted.peek()) {
      const series = model.linesOf(channel).slice(0, LINES_BOUND).map((line) => line.series.s);
      if (series.length === 0) continue;
      const key = `${place} ${px} ${series.join()}`;
      const before = asked.get(channel);
      // A pause shows what is there already.
      if (before?.key === key || (before && range.kind === 'frozen' && range.paused && samePlace(before.key, key))) continue;
      before?.abort.abort();
      const question = { key, abort: new AbortController() };
      asked.set(channel, question);
      void run(fill(model, channel, series, px, question, dirty)).then((done) => {
        if (!done && asked.get(channel) === question) asked.delete(channel);
      });
    }
    if (laneKey !== place || (range.kind === 'live' && Date.now() - laneAt > LANE_EVERY_MS)) {
      laneKey = place;
      laneAt = Date.now();
      void run(fillLanes(model, dirty));
    }
    settle();
  };

  const soon = (): void => {
    clearTimeout(timer);
    waiting = true;
    settle();
    timer = setTimeout(look, DEBOUNCE_MS);
  };
  effect(() => {
    // What a question depends on; reading it here is what subscribes to it.
    void [model.wanted.value, model.epoch.value, model.range.value, model.shown.value, model.link.value.state];
    soon();
  });
  setInterval(() => {
    for (const [channel, question] of asked) {
      if (model.linesOf(channel).some((line) => runsOut(model, line))) question.key = '';
    }
    look();
  }, LOOK_EVERY_MS);
}

/** A line has forgotten points that the range still shows. */
function runsOut(model: Model, line: { thin: boolean; ring: { dropped: number; first: number } }): boolean {
  if (model.range.peek().kind === 'frozen') return false;
  const { from, to } = model.extent();
  const short = line.ring.dropped > 0 && line.ring.first > from + (to - from) * 0.1;
  if (short) line.ring.dropped = 0;
  return line.thin || short;
}

function samePlace(a: string, b: string): boolean {
  return a.split(' ')[0] === b.split(' ')[0] && a.slice(a.lastIndexOf(' ')) === b.slice(b.lastIndexOf(' '));
}

async function fill(model: Model, channel: string, series: number[], px: number, question: Question, dirty: () => void): Promise<boolean> {
  const { from, to } = extent(model.range.peek(), model.clock);
  const query = new URLSearchParams({ series: series.join(), from: String(Math.round(from)), to: String(Math.round(to)), px: String(px) });
  model.loading.value = new Set([...model.loading.peek(), channel]);
  try {
    const answer = await ask<SeriesAnswer>(`/api/v1/series?${query}`, question.abort.signal);
    model.backfilled(answer, px);
    dirty();
    return true;
  } catch {
    // Given up for a newer question, or the server is gone: then the stream says so and the next connect asks again.
    return question.abort.signal.aborted;
  } finally {
    const loading = new Set(model.loading.peek());
    loading.delete(channel);
    model.loading.value = loading;
  }
}

async function fillLanes(model: Model, dirty: () => void): Promise<void> {
  const { from, to } = model.extent();
  const query = new URLSearchParams({ from: String(Math.round(from)), to: String(Math.round(to)), buckets: String(LANE_BUCKETS) });
  try {
    const lanes = await ask<Lanes>(`/api/v1/lanes?${query}`);
    model.lanes.take(lanes);
    dirty();
  } catch {
    // As above.
  }
}
