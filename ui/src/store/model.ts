// All that the page knows, in one place. Components read signals; charts read `lines` directly and draw when told.
// Nothing here touches the document, the network or the clock of the browser.

import { batch, computed, signal } from '@preact/signals';
import { Announcer, changed, synced, type Open } from './alerts';
import { isEmpty, matches, NO_FILTER, type Filter } from './filter';
import { decimalsOf } from './format';
import { Line, Lines } from './line';
import { LaneStore } from './lanes';
import { linked, type Link, type LinkEvent } from './link';
import { Pace } from './pace';
import { DEFAULT_SPAN, extent, live, pause, resume, type Extent, type Range } from './range';
import { FLAG, type Alert, type Channel, type Frame, type Hello, type Kpi, type LaneCells, type Mark } from './wire';
import type { Meta, Micros, Names, Pipeline, Series, SeriesAnswer, Sync, WindowNews, WindowRow } from './wire';
import type { PageName } from './url';
import { LOOKED_BOUND, Windows } from './windows';

export const LATEST_BOUND = 100;
const KPI_BOUND = 120;
/** More lines than this in one chart say nothing; the page asks to narrow the filter. */
export const LINES_BOUND = 50;

/** A reading as the table of latest readings shows it. `kind` is there when a detector has said why. */
export interface Row {
  s: number;
  t: Micros;
  v: number;
  f: number;
  kind: string | null;
}

export type Notice = 'restarted' | 'upgraded' | null;

export class Model {
  lines = new Lines(25);
  readonly lanes = new LaneStore();
  readonly pace = new Pace();
  readonly announcer = new Announcer();

  readonly meta = signal<Meta | null>(null);
  readonly channels = signal<Channel[]>([]);
  readonly series = signal<Series[]>([]);
  readonly page = signal<PageName>('overview');
  /** Asked for every two seconds while its page is shown. */
  readonly pipeline = signal<Pipeline | null>(null);
  readonly link = signal<Link>({ state: 'connecting' });
  readonly kpi = signal<Kpi | null>(null);
  readonly kpis = signal<Kpi[]>([]);
  readonly open = signal<Open>(new Map());
  readonly range = signal<Range>(live(DEFAULT_SPAN));
  readonly filter = signal<Filter>(NO_FILTER);
  readonly notice = signal<Notice>(null);
  readonly fault = signal<string | null>(null);
  /** What came since the page was paused. */
  readonly missed = signal({ readings: 0, alerts: 0 });
  /** The newest moment the server spoke of; ages and live ranges are counted from it. Moves once a second. */
  readonly now = signal<Micros>(0);
  /** Goes up when series must be asked for anew: another range, a reconnect, a gap. */
  readonly epoch = signal(0);
  /** What each chart on the screen wants: its channel, and how many pixels wide it is. */
  readonly wanted = signal<ReadonlyMap<string, number>>(new Map());
  /** Where the pointer is, in time, over any chart or the lane. */
  readonly hover = signal<Micros | null>(null);
  /** The device whose lines stand out. */
  readonly lit = signal<string | null>(null);
  /** Rows of the table. It is told twice a second, not ten times. */
  readonly rows = signal<Row[]>([]);
  readonly following = signal(true);
  /** Charts whose answer has not come yet. */
  readonly loading = signal<ReadonlySet<string>>(new Set());

  /** Series whose windows a table shows, and by which tables. */
  readonly looked = signal<number[]>([]);
  private readonly looks = new Map<string, number[]>();
  readonly windows = new Windows();
  /** Goes up when its rows have changed, and when some were left out and are to be asked for. */
  readonly windowRows = signal(0);
  readonly windowGaps = signal(0);

  readonly shown = computed(() => this.series.value.filter((one) => matches(one, this.filter.value)));
  readonly paused = computed(() => this.range.value.kind === 'frozen');
  /** Seconds that the clocks of devices are behind, where that is more than two. */
  readonly clocks = computed(() => new Map(this.kpi.value?.clocks.worst ?? []));

  /** The same as `now`, ten times a second; what moves with it is drawn, not rendered. */
  clock: Micros = 0;
  boot: string | null = null;
  version: string | null = null;
  /** Nothing that was asked for is still on its way. */
  settled = false;
  frames = { delivered: 0, readings: 0, seq: -1, drawnSeq: -1, now: 0 };
  private latest: Row[] = [];
  private kinds = new Map<string, string>();
  private shownSet = new Set<number>();
  private decimals = new Map<string, number>();

  constructor() {
    this.shown.subscribe((shown) => {
      this.shownSet = new Set(shown.map((one) => one.s));
      this.refill();
    });
  }

  /** Who is there. A server of another version than the one this page came from asks for a reload. */
  met(meta: Meta): void {
    batch(() => {
      if (this.version !== null && this.version !== meta.version) this.notice.value = 'upgraded';
      this.version ??= meta.version;
      const known = new Map(this.series.peek().map((one) => [one.s, one]));
      const same = meta.series.every((one) => {
        const other = known.get(one.s);
        return !other || (other.device === one.device && other.channel === one.channel);
      });
      // Numbers of series belong to a boot; if they name others now, what is known of them is void.
      if (!same || this.lines.all.size === 0) this.lines = new Lines(meta.series.length);
      for (const one of meta.series) this.lines.add(one);
      this.meta.value = meta;
      this.channels.value = meta.channels;
      this.series.value = meta.series;
      this.tell(meta.now);
    });
  }

  named(names: Names): void {
    batch(() => {
      const series = new Map(this.series.peek().map((one) => [one.s, one]));
      for (const one of names.series) {
        series.set(one.s, one);
        this.lines.add(one);
      }
      const channels = new Map(this.channels.peek().map((one) => [one.name, one]));
      for (const one of names.channels) channels.set(one.name, one);
      this.series.value = [...series.values()];
      this.channels.value = [...channels.values()];
    });
  }

  linked(event: LinkEvent): void {
    this.link.value = linked(this.link.peek(), event);
  }

  /** A stream began. `handover`: the old one still runs, only the rate or the series are others; then nothing was missed. */
  hello(hello: Hello, handover: boolean): void {
    batch(() => {
      if (this.boot !== null && this.boot !== hello.boot) {
        this.notice.value = this.notice.peek() ?? 'restarted';
        this.lanes.clear();
      }
      const first = this.boot === null;
      this.boot = hello.boot;
      this.frames.seq = -1;
      this.pace.reset();
      this.clock = hello.now;
      this.tell(hello.now);
      this.linked({ on: 'hello', hz: hello.hz });
      if (!handover && !first) this.resync();
    });
  }

  /** Something was missed: no line is joined over it, and the range is asked for anew. */
  resync(): void {
    this.lines.cut();
    this.epoch.value += 1;
  }

  frame(frame: Frame, hereMs: number): void {
    // A frame that came twice (a handover between two streams) was drawn already.
    if (frame.seq <= this.frames.seq) return;
    const frozen = this.range.peek().kind === 'frozen';
    const taken = this.lines.frame(frame, frozen);
    this.frames = { ...this.frames, delivered: this.frames.delivered + 1, readings: this.frames.readings + taken, seq: frame.seq, now: frame.now };
    this.pace.frame(frame.now / 1000, hereMs);
    this.clock = Math.max(this.clock, frame.now);
    if (frozen) this.missed.value = { ...this.missed.peek(), readings: this.missed.peek().readings + taken };
    for (let i = 0; i < frame.s.length; i += 1) {
      const s = frame.s[i]!;
      const v = frame.v[i];
      if (v === null || v === undefined || !this.shownSet.has(s)) continue;
      this.latest.push({ s, t: frame.t0 + (frame.t[i] ?? 0), v, f: frame.f[i] ?? 0, kind: null });
    }
    if (this.latest.length > 4 * LATEST_BOUND) this.latest = this.latest.slice(-LATEST_BOUND);
    this.linked({ on: 'frame', skipped: frame.skipped });
  }

  marked(mark: Mark): void {
    this.lines.all.get(mark.s)?.mark(mark);
    this.kinds.set(`${mark.s} ${mark.t}`, mark.kind);
    for (const key of this.kinds.keys()) {
      if (this.kinds.size <= 1000) break;
      this.kinds.delete(key);
    }
  }

  alerted(alert: Alert): void {
    const fresh = !this.open.peek().has(alert.id) && alert.state === 'firing';
    batch(() => {
      this.open.value = changed(this.open.peek(), alert);
      this.announcer.add(alert);
      if (fresh && this.paused.peek()) this.missed.value = { ...this.missed.peek(), alerts: this.missed.peek().alerts + 1 };
    });
  }

  counted(kpi: Kpi): void {
    batch(() => {
      this.kpi.value = kpi;
      this.kpis.value = [...this.kpis.peek(), kpi].slice(-KPI_BOUND);
      this.tell(kpi.now);
    });
  }

  laned(cells: LaneCells): void {
    this.lanes.change(cells);
  }

  /** The table of a channel shows the windows of these series; of none, it is gone. */
  look(table: string, series: number[]): void {
    if (series.length > 0) this.looks.set(table, series);
    else this.looks.delete(table);
    const looked = [...new Set([...this.looks.values()].flat())].slice(0, LOOKED_BOUND).sort((a, b) => a - b);
    if (looked.join() !== this.looked.peek().join()) this.looked.value = looked;
    if (looked.length === 0) this.windows.clear();
  }

  windowed(news: WindowNews): void {
    const gap = this.windows.take(news);
    this.windowRows.value += 1;
    if (gap) this.windowGaps.value += 1;
  }

  windowsPast(rows: WindowRow[]): void {
    this.windows.past(rows);
    this.windowRows.value += 1;
  }

  /** A snapshot: open alerts are these and no others; series carry on after a gap. */
  synced(sync: Sync): void {
    batch(() => {
      const open = synced(sync.alerts);
      if (this.open.peek().size === 0) this.announcer.known(open.values());
      else for (const alert of open.values()) this.announcer.add(alert);
      this.open.value = open;
      if (sync.kpi) this.counted(sync.kpi);
      if (sync.lanes && this.range.peek().kind === 'live' && sync.lanes.from <= extent(this.range.peek(), sync.now).from) {
        this.lanes.take(sync.lanes);
      }
      for (const { s, t, v } of sync.series) {
        const line = this.lines.all.get(s);
        if (line && v !== null && (!line.latest || t > line.latest.t)) line.latest = { t, v, f: 0 };
      }
      this.tell(sync.now);
    });
  }

  backfilled(answer: SeriesAnswer, px: number): void {
    const tier = { raw: 0, '10s': 10e6, '1m': 60e6, '10m': 600e6 }[answer.tier];
    const slack = Math.max(2.5 * tier, (2 * (answer.to - answer.from)) / Math.max(1, px));
    for (const part of answer.series) this.lines.all.get(part.s)?.backfill(part, slack, this.paused.peek());
    if (this.latest.length === 0) this.refill();
  }

  extent(): Extent {
    return extent(this.range.peek(), this.clock);
  }

  show(range: Range): void {
    batch(() => {
      if (this.range.peek().kind === 'live' || range.kind === 'live') this.missed.value = { readings: 0, alerts: 0 };
      this.range.value = range;
      this.epoch.value += 1;
    });
  }

  /** Stops the picture where it is; what comes is counted and kept. Nothing needs to be asked for. */
  pause(): void {
    if (this.paused.peek()) return;
    batch(() => {
      this.missed.value = { readings: 0, alerts: 0 };
      this.range.value = pause(this.range.peek(), this.clock);
    });
  }

  resume(): void {
    if (this.paused.peek()) this.show(resume(this.range.peek()));
  }

  /** Lines of a channel that pass the filter, in the order of their devices, at most `LINES_BOUND`. */
  linesOf(channel: string): Line[] {
    const lines: Line[] = [];
    for (const one of this.shown.peek()) {
      const line = one.channel === channel ? this.lines.all.get(one.s) : undefined;
      if (line) lines.push(line);
    }
    return lines.sort((a, b) => (a.series.device < b.series.device ? -1 : 1)).slice(0, LINES_BOUND);
  }

  /** Decimals that values of a channel are shown with: as many as they are given with. Never fewer than before, so that
   * columns stand still. */
  decimalsOf(channel: string, value: number): number {
    const now = Math.max(this.decimals.get(channel) ?? 0, decimalsOf(value));
    this.decimals.set(channel, now);
    return now;
  }

  /** The same for what was computed, such as a mean: it has as many digits as its readings, and one more. */
  decimalsOfMean(channel: string): number {
    return Math.min(3, (this.decimals.get(channel) ?? 1) + 1);
  }

  /** Whether the lane counts a series; null while nothing is filtered. */
  laneFilter(): ((s: number) => boolean) | null {
    return isEmpty(this.filter.peek()) ? null : (s) => this.shownSet.has(s);
  }

  /** Hands the newest rows to the table. */
  publishRows(): void {
    if (!this.following.peek() || this.paused.peek()) return;
    this.latest = this.latest.slice(-LATEST_BOUND);
    this.rows.value = this.latest
      .map((row) => ({ ...row, kind: this.kinds.get(`${row.s} ${row.t}`) ?? null }))
      .reverse();
  }

  tell(now: Micros): void {
    this.clock = Math.max(this.clock, now);
    this.now.value = this.clock;
  }

  /** After another filter the table begins with what the lines remember. */
  private refill(): void {
    const rows: Row[] = [];
    const each = Math.max(2, Math.ceil(LATEST_BOUND / Math.max(1, this.shownSet.size)));
    for (const s of this.shownSet) {
      const line = this.lines.all.get(s);
      if (!line) continue;
      const { ring } = line;
      const marked = new Map(line.marks.map((mark) => [mark.t, mark]));
      for (let i = Math.max(ring.start, ring.end - each); i < ring.end; i += 1) {
        const mark = marked.get(ring.t[i]!);
        const f = mark ? FLAG[mark.severity] : 0;
        if (!Number.isNaN(ring.v[i]!)) rows.push({ s, t: ring.t[i]!, v: ring.v[i]!, f, kind: mark?.kind ?? null });
      }
    }
    this.latest = rows.sort((a, b) => a.t - b.t).slice(-LATEST_BOUND);
    this.publishRows();
  }
}

export const model = new Model();
