// The test hook: what the page shows, as data, under `window.__ouzel`. Tests ask it instead of comparing pixels. It only
// reads, and works in every build. All times are microseconds, ages milliseconds.
//
//   charts[channel].data()      one entry a line: { s, device, t: [µs], v: [number | null] }; null is a gap
//   charts[channel].markers()   anomalies in the range of the lines shown: { id, s, t, value, severity, kind }
//   charts[channel].scale()     { low, high } of the value axis, or null before the first draw
//   charts[channel].offScale()  how many arrows stand at its edges
//   lane()                      cells of the overall lane: { from, to, level, count }
//   state()                     connection, range, extent, filter, alerts, figures, notice, missed, clock, rows;
//                               settled: nothing that was asked for is still on its way
//   framesDelivered             frames that came; all of them were put into the store
//   framesDrawn                 pictures with something newer in them than the one before
//   lastFrame                   { seq, now } of the newest frame, or null
//   drawn()                     the last 1000 pictures: { seq, age, tookMs }; age is how old its newest frame was
//   staleDrawn                  how many of these were older than a second

import type { Loop } from './chart/loop';
import { STALE_MS } from './store/pace';
import { model } from './store/model';
import { buckets } from './ui/lane';
import { plots } from './ui/plots';

export function startHook(loop: Loop): void {
  const chart = (channel: string): object => ({
    data: () =>
      model.linesOf(channel).map(({ series, ring }) => ({
        s: series.s,
        device: series.device,
        t: [...ring.t.subarray(ring.start, ring.end)],
        v: [...ring.v.subarray(ring.start, ring.end)].map((v) => (Number.isNaN(v) ? null : v)),
      })),
    markers: () => {
      const { from, to } = model.extent();
      const marks = model.linesOf(channel).flatMap((line) => line.marks);
      return marks
        .filter((mark) => mark.t >= from && mark.t <= to)
        .map(({ id, s, t, value, severity, kind }) => ({ id, s, t, value, severity, kind }));
    },
    scale: () => plots.get(channel)?.shownScale() ?? null,
    offScale: () => plots.get(channel)?.offScale ?? 0,
  });
  const hook = {
    get charts() {
      return Object.fromEntries([...plots.keys()].map((channel) => [channel, chart(channel)]));
    },
    lane: () => buckets(960),
    state: () => ({
      link: model.link.peek(),
      boot: model.boot,
      version: model.version,
      range: model.range.peek(),
      extent: model.extent(),
      filter: model.filter.peek(),
      shown: model.shown.peek().length,
      alerts: [...model.open.peek().values()],
      kpi: model.kpi.peek(),
      notice: model.notice.peek(),
      missed: model.missed.peek(),
      clock: model.clock,
      rows: model.rows.peek(),
      settled: model.settled,
      rate: model.pace.rate,
    }),
    get framesDelivered() {
      return model.frames.delivered;
    },
    get framesDrawn() {
      return loop.drawn;
    },
    get lastFrame() {
      return model.frames.delivered > 0 ? { seq: model.frames.seq, now: model.frames.now } : null;
    },
    drawn: () => loop.log.slice(),
    get staleDrawn() {
      return loop.log.filter((one) => one.age > STALE_MS).length;
    },
  };
  Object.defineProperty(window, '__ouzel', { value: hook });
}
