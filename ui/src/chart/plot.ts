// A chart of one channel. uPlot gives axes, scales, the crosshair shared by all charts, and the brush; the lines are drawn
// here from the rings, because each series has its own times. Nobody else knows of uPlot.

import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { tick, timeTick } from '../store/format';
import type { Line } from '../store/line';
import { DAY, frozen, HOUR, MINUTE, SECOND } from '../store/range';
import { scaleOf, settle, type Scale } from '../store/scale';
import type { Mark } from '../store/wire';
import { drawBand } from './band';
import { colours } from './colours';
import { currentInks } from './inks';
import { drawArrows, drawMarkers, placeMarkers, type Placed } from './markers';
import { trace, xOf, yOf, type Frame } from './strokes';
import type { Model } from '../store/model';

const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';
const STEPS = [
  ...[0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 20, 30].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 15, 20, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 4, 6, 8, 12].map((n) => n * HOUR),
  ...[1, 2, 7, 14, 28].map((n) => n * DAY),
];
/** More lines than this and each is thin. */
const MANY_LINES = 8;
const SCALE_EVERY_MS = 500;
const SAMPLE = 4000;
/** How near the pointer must be to a line, and to a marker, in CSS pixels. */
const NEAR_LINE = 14;
const NEAR_MARK = 10;
const ARROW_STEP = 9;

/** Axis widths of all charts: they use the widest, so that times stand below each other. */
const widths = new Map<Plot, number>();

export interface PlotEvents {
  /** Somebody asks for the step before this one. */
  back(): void;
  /** The pointer is on a marker, or left it. */
  point(mark: Mark | null, x: number, y: number): void;
  /** The pointer is on the line of a device, or on none. */
  over(device: string | null): void;
}

export class Plot {
  full = false;
  lines: Line[] = [];
  /** Places at the edges with an arrow, because values there are off the scale. */
  offScale = 0;
  private readonly u: uPlot;
  private scale: Scale | null = null;
  private scaleAt = 0;
  private scaleKey = '';
  private placed: Placed[] = [];
  private colours = new Map<number, number>();
  private coloursOf: unknown = null;

  constructor(
    root: HTMLElement,
    readonly channel: string,
    private readonly model: Model,
    private readonly events: PlotEvents,
  ) {
    this.u = new uPlot(this.options(root), [[0, 1], [null, null]] as uPlot.AlignedData, root);
  }

  destroy(): void {
    widths.delete(this);
    this.u.destroy();
  }

  resize(width: number, height: number): void {
    if (width > 0 && height > 0) this.u.setSize({ width, height });
  }

  colourOf(line: Line): string {
    return currentInks().series[this.colours.get(line.series.s) ?? 0] ?? '';
  }

  shownScale(): Scale | null {
    return this.scale;
  }

  /** Takes what the store has now. Sums of it are made even while the chart is out of sight. */
  draw(): void {
    const { model } = this;
    this.lines = model.linesOf(this.channel);
    if (this.coloursOf !== model.shown.peek()) {
      this.coloursOf = model.shown.peek();
      this.colours = colours(model.shown.peek());
    }
    const { from, to } = model.extent();
    this.rescale(from, to);
    const scale = this.scale ?? { low: 0, high: 1 };
    this.u.batch(() => {
      this.u.setScale('x', { min: from, max: to });
      this.u.setScale('y', { min: scale.low, max: scale.high });
    });
  }

  private rescale(from: number, to: number): void {
    const key = `${this.full} ${this.lines.map((line) => line.series.s).join()} ${this.model.range.peek().kind} ${Math.round(to - from)}`;
    const changed = key !== this.scaleKey;
    if (!changed && this.scale && Date.now() - this.scaleAt < SCALE_EVERY_MS) return;
    this.scaleAt = Date.now();
    this.scaleKey = key;
    const bounds = this.model.channels.peek().find((one) => one.name === this.channel)?.range ?? null;
    const { sample, ends } = this.sample(from, to);
    const wanted = scaleOf(sample, ends, this.full, bounds);
    if (wanted) this.scale = settle(changed ? null : this.scale, wanted);
  }

  /** Some thousand values of what is shown, and the true ends of all. */
  private sample(from: number, to: number): { sample: Float64Array; ends: Scale } {
    const parts = this.lines.map(({ ring }) => [ring, ring.lower(from), ring.lower(to + 1)] as const);
    const total = parts.reduce((sum, [, begin, end]) => sum + end - begin, 0);
    const stride = Math.max(1, Math.ceil(total / SAMPLE));
    const sample = new Float64Array(Math.ceil(total / stride) + parts.length);
    const ends = { low: Infinity, high: -Infinity };
    let n = 0;
    for (const [ring, begin, end] of parts) {
      for (let i = begin; i < end; i += 1) {
        const low = ring.low[i]!;
        const high = ring.high[i]!;
        if (low < ends.low) ends.low = low;
        if (high > ends.high) ends.high = high;
        if ((i - begin) % stride === 0 && ring.v[i] === ring.v[i]) sample[n++] = ring.v[i]!;
      }
    }
    return { sample: sample.subarray(0, n), ends };
  }

  private options(root: HTMLElement): uPlot.Options {
    const ink = (name: 'muted' | 'grid') => () => currentInks()[name];
    const grid = { stroke: ink('grid'), width: 1 };
    const common = { stroke: ink('muted'), font: FONT, grid, ticks: { ...grid, size: 4 }, gap: 4 };
    const zone = (at: number): number => new Date(at / 1000).getTimezoneOffset() * MINUTE;
    return {
      width: root.clientWidth || 400,
      height: root.clientHeight || 160,
      padding: [6, 8, 0, 0],
      legend: { show: false },
      scales: { x: { time: false, auto: false }, y: { auto: false, range: (_u, min, max) => [min, max] } },
      series: [{}, { show: true, paths: () => null, points: { show: false } }],
      axes: [
        {
          ...common,
          size: 24,
          space: 72,
          incrs: STEPS,
          splits: (_u, _axis, min, max, step) => {
            const offset = zone(max);
            const splits: number[] = [];
            for (let at = Math.ceil((min - offset) / step) * step + offset; at <= max; at += step) splits.push(at);
            return splits;
          },
          values: (u, splits, _axis, _space, step) => splits.map((at) => (this.nearEdge(u, at) ? '' : timeTick(at, step))),
        },
        {
          ...common,
          size: (u, values) => this.axisWidth(u, values),
          space: 26,
          values: (_u, splits, _axis, _space, step) => splits.map((value) => tick(value, step)),
        },
      ],
      cursor: {
        y: false,
        points: { show: false },
        drag: { x: true, y: false, setScale: false, dist: 6 },
        sync: { key: 'page', scales: ['x', null] },
        bind: { dblclick: () => () => (this.events.back(), null) },
      },
      hooks: { draw: [() => this.paint()], setCursor: [() => this.pointed()], setSelect: [() => this.brushed()] },
    };
  }

  /** A time there would be cut in half by the edge of the card. */
  private nearEdge(u: uPlot, at: number): boolean {
    const { min = 0, max = 1 } = u.scales['x'] ?? {};
    return ((max - at) / (max - min)) * (u.bbox.width / devicePixelRatio) < 10;
  }

  private axisWidth(u: uPlot, values: string[] | null): number {
    if (values && values.length > 0) {
      u.ctx.font = FONT.replace(/^11px/, `${11 * devicePixelRatio}px`);
      const widest = Math.max(...values.map((text) => u.ctx.measureText(text).width)) / devicePixelRatio;
      // In steps of four, so that a figure more or less does not move the chart.
      widths.set(this, Math.ceil((widest + 12) / 4) * 4);
    }
    return Math.max(32, ...widths.values());
  }

  private frame(): Frame {
    const { bbox, scales } = this.u;
    return {
      from: scales['x']?.min ?? 0,
      to: scales['x']?.max ?? 1,
      low: scales['y']?.min ?? 0,
      high: scales['y']?.max ?? 1,
      left: bbox.left,
      top: bbox.top,
      width: bbox.width,
      height: bbox.height,
      ratio: devicePixelRatio,
    };
  }

  private paint(): void {
    const { ctx } = this.u;
    const frame = this.frame();
    const inks = currentInks();
    const lit = this.lines.find((line) => line.series.device === this.model.lit.peek()) ?? null;
    const banded = lit ?? (this.lines.length === 1 ? this.lines[0]! : null);
    ctx.save();
    ctx.beginPath();
    ctx.rect(frame.left, frame.top, frame.width, frame.height);
    ctx.clip();
    if (banded) drawBand(ctx, banded, frame, this.colourOf(banded));
    const up = new Set<number>();
    const down = new Set<number>();
    const step = ARROW_STEP * frame.ratio;
    const beyond = (x: number, side: -1 | 1): unknown => (side === 1 ? up : down).add(Math.floor(x / step));
    ctx.lineJoin = 'round';
    ctx.lineCap = 'round';
    const many = this.lines.length > MANY_LINES;
    for (const line of lit ? [...this.lines.filter((one) => one !== lit), lit] : this.lines) {
      ctx.globalAlpha = lit && line !== lit ? 0.22 : many && line !== lit ? 0.6 : 1;
      ctx.lineWidth = (line === lit ? 1.7 : many ? 0.8 : 1.1) * frame.ratio;
      ctx.strokeStyle = this.colourOf(line);
      ctx.beginPath();
      trace(ctx, line.ring, frame, beyond);
      ctx.stroke();
    }
    ctx.globalAlpha = 1;
    const marks = (lit ? [lit] : this.lines).flatMap((line) => line.marks);
    this.placed = placeMarkers(marks, frame);
    drawArrows(ctx, up, down, step, this.placed, frame, inks);
    drawMarkers(ctx, this.placed, frame, inks);
    this.offScale = up.size + down.size;
    ctx.restore();
  }

  private pointed(): void {
    const { left = -1, top = -1 } = this.u.cursor;
    if (!this.own()) return;
    if (left < 0) {
      if (this.model.hover.peek() === null) return;
      this.model.hover.value = null;
      this.events.point(null, 0, 0);
      this.events.over(null);
      return;
    }
    this.model.hover.value = this.u.posToVal(left, 'x');
    this.events.over(this.lines.length > 1 ? this.deviceAt(left, top) : null);
    const near = this.placed.find((one) => this.distance(one, left, top) < NEAR_MARK);
    this.events.point(near?.mark ?? null, left, top);
  }

  /** The device whose line is under the pointer. */
  private deviceAt(left: number, top: number): string | null {
    const frame = this.frame();
    const t = this.u.posToVal(left, 'x');
    let best: { device: string; away: number } | null = null;
    for (const line of this.lines) {
      const at = line.ring.nearest(t);
      if (at < 0) continue;
      const x = (xOf(frame, line.ring.t[at]!) - frame.left) / frame.ratio;
      const y = (yOf(frame, line.ring.v[at]!) - frame.top) / frame.ratio;
      const away = Math.abs(y - top);
      if (Math.abs(x - left) < 30 && away < (best?.away ?? NEAR_LINE)) best = { device: line.series.device, away };
    }
    return best?.device ?? null;
  }

  private distance(one: Placed, left: number, top: number): number {
    const { bbox } = this.u;
    return Math.hypot((one.x - bbox.left) / devicePixelRatio - left, (one.y - bbox.top) / devicePixelRatio - top);
  }

  /** Whether the pointer is over this chart. Others only follow its crosshair and its brush. */
  private own(): boolean {
    const target = this.u.cursor.event?.target;
    return target instanceof Node && this.u.root.contains(target);
  }

  private brushed(): void {
    const { left, width } = this.u.select;
    if (width < 4) return;
    const from = this.u.posToVal(left, 'x');
    const to = this.u.posToVal(left + width, 'x');
    this.u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    if (!this.own()) return;
    const { range } = this.model;
    this.model.show(frozen(from, to, range.peek().span));
  }
}
