// The stream of a tab: one EventSource, acknowledged twice a second. The browser reconnects by itself where it can (it
// sends Last-Event-ID then); where it gives up we try again, ever more slowly. While the tab is hidden there is no stream.

import { backoff } from '../store/link';
import type { Model } from '../store/model';
import type { Alert, Bye, Frame, Hello, Kpi, Lag, LaneCells, Mark, Names, Sync, WindowNews } from '../store/wire';
import { ask, post, Refused } from './rest';
import type { Meta } from '../store/wire';

const ACK_MS = 500;
/** `retry:` of the stream; the browser does not tell how long it waits. */
const BROWSER_RETRY_MS = 1000;
/** A stream serves at most so many series; a page with more names those it shows. */
const SERIES_BOUND = 200;

export class Live {
  private source: EventSource | null = null;
  private cid: string | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private acking = false;
  private attempts = 0;
  private fetchMeta = false;
  private dirty: () => void = () => undefined;

  constructor(private readonly model: Model) {}

  /** `dirty` is called when there is something new to draw. */
  start(dirty: () => void): void {
    this.dirty = dirty;
    void this.open();
    setInterval(() => void this.acknowledge(), ACK_MS);
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) this.hide();
      else if (!this.source) void this.open();
    });
    window.addEventListener('pagehide', () => this.close());
    this.watchRate();
  }

  /** Now, and not when the next attempt is due. */
  reconnect(): void {
    this.close();
    void this.open();
  }

  /** Another rate or other series: the new stream begins before the old one ends, so nothing is missed. */
  handover(): void {
    if (this.source && this.model.link.peek().state === 'live') this.listen(this.source);
  }

  private async open(): Promise<void> {
    clearTimeout(this.timer);
    this.model.linked({ on: 'open' });
    try {
      this.model.met(await ask<Meta>('/api/v1/meta'));
      this.fetchMeta = false;
    } catch (error) {
      this.lost(error instanceof Refused ? error.message : 'the server does not answer');
      return;
    }
    if (!document.hidden) this.listen(null);
    else this.model.linked({ on: 'hidden' });
  }

  private listen(old: EventSource | null): void {
    const query = new URLSearchParams({ topics: 'frame,kpi,alert,lane', hz: String(this.model.pace.rate) });
    if (this.model.series.peek().length > SERIES_BOUND) {
      query.set('series', this.model.shown.peek().slice(0, SERIES_BOUND).map((one) => one.s).join(','));
    }
    const looked = this.model.looked.peek();
    if (looked.length > 0) query.set('windows', looked.join());
    const source = new EventSource(`/api/v1/stream?${query}`);
    if (!old) this.source = source;
    const on = <T>(name: string, take: (message: T) => void): void => {
      source.addEventListener(name, (event) => {
        // During a handover the new stream says hello, and then the old one is silent.
        if (source !== this.source && name !== 'hello') return;
        take(JSON.parse((event as MessageEvent<string>).data) as T);
      });
    };
    let handover = old !== null;
    on<Hello>('hello', (hello) => {
      if (handover) {
        old?.close();
        this.source = source;
      }
      this.greeted(hello, handover);
      handover = false;
    });
    on<Frame>('frame', (frame) => {
      this.model.frame(frame, Date.now());
      this.dirty();
    });
    on<Mark>('mark', (mark) => {
      this.model.marked(mark);
      this.dirty();
    });
    on<Kpi>('kpi', (kpi) => {
      // Another config has other channels, units and detectors.
      const other = (this.model.kpi.peek()?.config ?? kpi.config) !== kpi.config;
      this.model.counted(kpi);
      if (other) void ask<Meta>('/api/v1/meta').then((meta) => this.model.met(meta), () => undefined);
      this.dirty();
    });
    on<LaneCells>('lane', (cells) => {
      this.model.laned(cells);
      this.dirty();
    });
    on<WindowNews>('window', (news) => this.model.windowed(news));
    on<Alert>('alert', (alert) => this.model.alerted(alert));
    on<Names>('names', (names) => this.model.named(names));
    on<Sync>('sync', (sync) => {
      const lagged = this.model.link.peek().state === 'lagging';
      this.model.synced(sync);
      if (lagged) this.model.resync();
      this.dirty();
    });
    on<Lag>('lag', (lag) => this.model.linked({ on: 'lag', ...lag }));
    on<Bye>('bye', (bye) => {
      this.close();
      const why = { shutdown: 'the server is stopping', too_slow: 'this page was too slow', upgrade: 'the server is being upgraded' };
      this.lost(why[bye.why], bye.retry);
    });
    source.onerror = () => this.failed(source);
  }

  private greeted(hello: Hello, handover: boolean): void {
    this.attempts = 0;
    this.cid = hello.cid;
    const restarted = this.model.boot !== null && this.model.boot !== hello.boot;
    this.model.hello(hello, handover);
    // A browser's own reconnect comes here without `open`: another boot may have other series, another version.
    if (restarted || this.fetchMeta) {
      this.fetchMeta = false;
      void ask<Meta>('/api/v1/meta').then(
        (meta) => {
          this.model.met(meta);
          this.model.resync();
        },
        () => undefined,
      );
    }
    this.dirty();
  }

  private failed(source: EventSource): void {
    if (source !== this.source) {
      // The new stream of a handover did not come about; the old one goes on.
      source.close();
      return;
    }
    this.cid = null;
    if (source.readyState === EventSource.CONNECTING) {
      this.fetchMeta = true;
      this.model.linked({ on: 'lost', nextAt: Date.now() + BROWSER_RETRY_MS, why: 'the connection was lost' });
    } else {
      this.close();
      this.lost('the connection was lost');
    }
  }

  private lost(why: string, atLeast = 0): void {
    this.attempts += 1;
    const wait = Math.max(atLeast, backoff(this.attempts, Math.random()));
    this.model.linked({ on: 'lost', nextAt: Date.now() + wait, why });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.open(), wait);
  }

  private hide(): void {
    this.close();
    this.model.linked({ on: 'hidden' });
  }

  private close(): void {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
    this.cid = null;
  }

  /** Says now, and not in half a second, whose windows are looked at. */
  look(): void {
    void this.acknowledge();
  }

  private async acknowledge(): Promise<void> {
    const { frames, pace } = this.model;
    if (!this.cid || this.acking || frames.seq < 0) return;
    this.acking = true;
    const lag = Math.round(pace.age(frames.now / 1000, Date.now()));
    try {
      const abort = AbortSignal.timeout(5000);
      await fetch(`/api/v1/stream/${encodeURIComponent(this.cid)}/ack`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ seq: frames.seq, lag_ms: lag, drawn: Math.max(0, frames.drawnSeq), windows: this.model.looked.peek() }),
        signal: abort,
      });
    } catch {
      // The stream itself will say that the server is gone.
    } finally {
      this.acking = false;
    }
  }

  /** With more series than a stream serves, another filter means other series. */
  private watchRate(): void {
    let before = '';
    this.model.shown.subscribe((shown) => {
      if (this.model.series.peek().length <= SERIES_BOUND) return;
      const now = shown.slice(0, SERIES_BOUND).map((one) => one.s).join();
      if (before !== '' && now !== before) this.handover();
      before = now;
    });
  }
}

export async function acknowledgeAlert(model: Model, alert: Alert): Promise<void> {
  await change(model, `/api/v1/alerts/${alert.id}/acknowledge`, {});
}

export async function silenceAlert(model: Model, alert: Alert, span: string): Promise<void> {
  await change(model, `/api/v1/alerts/${alert.id}/silence`, { for: span });
}

async function change(model: Model, path: string, body: unknown): Promise<void> {
  try {
    const alert = await post<Alert>(path, body);
    if (alert) model.alerted(alert);
    model.fault.value = null;
  } catch (error) {
    model.fault.value = error instanceof Refused ? error.message : 'the server does not answer; try again';
  }
}
