// The card of a channel: its chart, what it says in words, the legend with values at the crosshair, and all of it as a
// table. The chart draws itself on the loop; nothing here renders when a frame comes.

import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Loop } from '../chart/loop';
import { Plot } from '../chart/plot';
import { clock, clockMillis, fixed } from '../store/format';
import type { Line } from '../store/line';
import { LINES_BOUND, model } from '../store/model';
import { spanOf } from '../store/range';
import type { Mark, Series } from '../store/wire';
import { ChartTable } from './charttable';
import { ClockTag } from './clock';
import { Icon } from './icons';
import { summaryOf } from './summary';
import { plots } from './plots';
import { stepBack } from './view';
import { WindowTable } from './windowtable';

/** A device whose legend entry was pressed stays highlighted when the pointer leaves. */
let held: string | null = null;

export function light(device: string | null, loop: Loop, hold = false): void {
  if (hold) held = held === device ? null : device;
  const next = device ?? held;
  if (model.lit.peek() === next) return;
  model.lit.value = next;
  loop.now();
}

export function Chart({ channel, unit, series, loop }: { channel: string; unit: string; series: Series[]; loop: Loop }) {
  const card = useRef<HTMLElement>(null);
  const root = useRef<HTMLDivElement>(null);
  const legend = useRef<HTMLUListElement>(null);
  const words = useRef<HTMLSpanElement>(null);
  const plot = useRef<Plot | null>(null);
  const full = useSignal(false);
  /** What stands in the place of the chart, if something does. */
  const instead = useSignal<'table' | 'windows' | null>(null);
  const seen = useSignal(false);
  const summary = useSignal('');
  const pointed = useSignal<{ mark: Mark; x: number; y: number } | null>(null);

  useEffect(() => {
    const box = root.current;
    const frame = card.current;
    if (!box || !frame) return;
    const made = new Plot(box, channel, model, {
      back: stepBack,
      over: (device) => light(device, loop),
      point: (mark, x, y) => {
        if (mark !== pointed.peek()?.mark) pointed.value = mark ? { mark, x, y } : null;
      },
    });
    plot.current = made;
    made.draw();
    plots.set(channel, made);
    const draw = (): void => {
      if (seen.peek() && instead.peek() === null) made.draw();
    };
    let lastSummary = 0;
    const tell = (): void => {
      if (!seen.peek()) return;
      const hover = model.hover.peek();
      const lines = model.linesOf(channel);
      tellLegend(legend.current, made, lines, hover);
      const { text, brief } = summaryOf(channel, unit, lines, model.extent(), spanOf(model.range.peek()));
      if (words.current) words.current.textContent = hover === null ? brief : clockMillis(hover);
      // Words for screen readers may change seldom, or they would be read for ever.
      if (Date.now() - lastSummary > 5000) {
        lastSummary = Date.now();
        summary.value = text;
      }
    };
    loop.charts.add(draw);
    loop.readouts.add(tell);
    const size = new ResizeObserver(() => {
      made.resize(box.clientWidth, box.clientHeight);
      if (seen.peek()) want(channel, box.clientWidth);
      loop.now();
    });
    size.observe(box);
    const sight = new IntersectionObserver(
      (entries) => {
        seen.value = entries.at(-1)?.isIntersecting ?? false;
        want(channel, seen.value ? box.clientWidth : 0);
        loop.now();
      },
      { rootMargin: '150px' },
    );
    sight.observe(frame);
    return () => {
      loop.charts.delete(draw);
      loop.readouts.delete(tell);
      size.disconnect();
      sight.disconnect();
      want(channel, 0);
      plots.delete(channel);
      made.destroy();
    };
  }, [channel]);

  useEffect(() => {
    // As wide as the longest name needs: three columns of short names, two of long ones.
    const longest = Math.max(6, ...series.map((one) => one.device.length));
    legend.current?.style.setProperty('--entry', `${Math.min(280, 82 + longest * 7)}px`);
  }, [series]);

  const show = (what: 'table' | 'windows'): void => {
    instead.value = instead.peek() === what ? null : what;
    loop.now();
  };
  const title = `chart-${channel.replace(/\W/g, '-')}`;
  const busy = model.loading.value.has(channel);
  const mark = pointed.value;
  return (
    <section class={`card chart ${instead.value ? 'as-table' : ''} ${instead.value === 'windows' ? 'wide' : ''}`} aria-labelledby={title} ref={card}>
      <header>
        <h2 id={title}>
          {channel} <span class="unit">{unit}</span>
        </h2>
        <span class="chart-words" ref={words} aria-hidden="true" />
        <span class={`busy ${busy ? 'on' : ''}`} role="presentation" />
        <button
          type="button"
          class="plain"
          aria-pressed={full.value}
          aria-label={`Full range of ${channel}`}
          title={full.value ? 'Follow the middle 99 % again' : 'Full range: show the extremes'}
          onClick={() => {
            full.value = !full.peek();
            if (plot.current) plot.current.full = full.peek();
            loop.now();
          }}
        >
          <Icon name="full" />
        </button>
        <button
          type="button"
          class="plain"
          aria-pressed={instead.value === 'windows'}
          aria-label={`Windows of ${channel}`}
          title={instead.value === 'windows' ? 'View as chart' : 'What windows say'}
          onClick={() => show('windows')}
        >
          <Icon name="windows" />
        </button>
        <button
          type="button"
          class="plain"
          aria-pressed={instead.value === 'table'}
          aria-label={`View ${channel} as table`}
          title={instead.value === 'table' ? 'View as chart' : 'View as table'}
          onClick={() => show('table')}
        >
          <Icon name="table" />
        </button>
      </header>
      <div class="plot-box">
        <div class="plot" ref={root} role="img" aria-label={summary.value || `${channel}, no values yet`} />
        {mark && !instead.value && <Tip mark={mark.mark} x={mark.x} y={mark.y} unit={unit} width={root.current?.clientWidth ?? 400} />}
      </div>
      {instead.value === 'table' && <ChartTable channel={channel} unit={unit} />}
      {instead.value === 'windows' && <WindowTable channel={channel} unit={unit} />}
      <ul class={`legend ${series.length > 8 ? 'many' : ''}`} ref={legend} aria-label={`Devices of ${channel}`}>
        {series.slice(0, LINES_BOUND).map((one) => (
          <li key={one.s}>
            <button
              type="button"
              data-s={one.s}
              aria-pressed={model.lit.value === one.device}
              onPointerEnter={() => light(one.device, loop)}
              onPointerLeave={() => light(null, loop)}
              onClick={() => light(one.device, loop, true)}
            >
              <span class="swatch" aria-hidden="true" />
              <span class="legend-name">{one.device}</span>
              <ClockTag device={one.device} brief />
              <span class="legend-value">–</span>
            </button>
          </li>
        ))}
        {series.length > LINES_BOUND && (
          <li class="muted">
            {LINES_BOUND} of {fixed(series.length)} lines; narrow the filter to see the others
          </li>
        )}
      </ul>
    </section>
  );
}

function want(channel: string, width: number): void {
  const wanted = model.wanted.peek();
  // In steps of 50: a scroll bar that comes and goes is no reason to ask again.
  const px = Math.ceil(width / 50) * 50;
  if ((wanted.get(channel) ?? 0) === px) return;
  const next = new Map(wanted);
  if (px > 0) next.set(channel, px);
  else next.delete(channel);
  model.wanted.value = next;
}

/** Writes values into the legend directly: some dozen texts four times a second are no work for a renderer. */
function tellLegend(list: HTMLElement | null, plot: Plot, lines: Line[], hover: number | null): void {
  for (const line of lines) {
    const button = list?.querySelector<HTMLElement>(`[data-s="${line.series.s}"]`);
    if (!button) continue;
    const value = valueAt(line, hover);
    // Only readings say how many decimals there are; at the crosshair it may be a mean.
    const decimals = model.decimalsOf(line.series.channel, line.latest?.v ?? 0);
    const text = value === null ? '–' : fixed(value, decimals);
    const out = button.lastElementChild;
    if (out && out.textContent !== text) out.textContent = text;
    const colour = plot.colourOf(line);
    const swatch = button.firstElementChild as HTMLElement | null;
    if (swatch && swatch.dataset['colour'] !== colour) {
      swatch.dataset['colour'] = colour;
      swatch.style.background = colour;
    }
  }
}

function valueAt(line: Line, hover: number | null): number | null {
  if (hover === null) return model.paused.peek() ? valueAt(line, model.extent().to) : (line.latest?.v ?? null);
  const at = line.ring.nearest(hover);
  if (at < 0) return null;
  const { from, to } = model.extent();
  const close = Math.max((to - from) / 60, line.interval === Infinity ? 0 : 3 * line.interval);
  return Math.abs(line.ring.t[at]! - hover) <= close ? line.ring.v[at]! : null;
}

function Tip({ mark, x, y, unit, width }: { mark: Mark; x: number; y: number; unit: string; width: number }) {
  const device = model.lines.all.get(mark.s)?.series.device ?? '';
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!box.current) return;
    const right = x > width / 2;
    box.current.style.transform = `translate(${Math.round(right ? x - box.current.offsetWidth + 30 : x + 60)}px, ${Math.max(0, Math.round(y - 24))}px)`;
  });
  return (
    <div class={`tip ${mark.severity}`} ref={box} aria-hidden="true">
      <strong>
        <Icon name={mark.severity} /> {mark.kind}
      </strong>{' '}
      {mark.value === null ? '' : `${fixed(mark.value, model.decimalsOf('', mark.value))} ${unit}`}
      <br />
      {device}, {clock(mark.t)}
      {mark.message && (
        <>
          <br />
          <span class="muted">{mark.message}</span>
        </>
      )}
    </div>
  );
}

