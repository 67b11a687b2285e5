// One draw per animation frame, for all charts together. What comes between two of them is in the store already. A picture
// that the stream asks for may have to wait when it is stale (see store/pace); what a person asks for is drawn at once.

import type { Model } from '../store/model';

const READOUT_MS = 250;
const ROWS_MS = 500;

export interface Drawn {
  seq: number;
  /** How old the newest frame in the picture was, in milliseconds, when it was drawn. */
  age: number;
  tookMs: number;
}

export class Loop {
  readonly charts = new Set<() => void>();
  /** Texts beside charts: values at the crosshair. Four times a second are enough. */
  readonly readouts = new Set<() => void>();
  readonly log: Drawn[] = [];
  drawn = 0;
  /** The rate to ask for has changed. */
  onRate: () => void = () => undefined;

  private wanted: 'no' | 'may' | 'must' = 'no';
  private queued = false;
  private lastReadout = 0;
  private lastRows = 0;
  private readoutTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly model: Model) {}

  /** The stream brought something. */
  stream(): void {
    if (this.wanted === 'no') this.wanted = 'may';
    this.queue();
  }

  /** A person did something, or an answer came. */
  now(): void {
    this.wanted = 'must';
    this.lastReadout = 0;
    this.queue();
  }

  private queue(): void {
    if (this.queued) return;
    this.queued = true;
    requestAnimationFrame(() => {
      this.queued = false;
      this.run();
    });
  }

  private run(): void {
    const here = Date.now();
    const { model } = this;
    if (this.wanted === 'may' && !model.pace.mayDraw(here)) {
      setTimeout(() => this.queue(), 50);
      return;
    }
    const byStream = this.wanted === 'may';
    this.wanted = 'no';
    const began = performance.now();
    // While paused, frames change nothing of the picture.
    if (!(byStream && model.paused.peek())) for (const draw of this.charts) draw();
    if (here - this.lastRows >= ROWS_MS) {
      this.lastRows = here;
      model.publishRows();
    }
    if (here - this.lastReadout >= READOUT_MS) this.readout(here);
    else this.readoutLater();
    const tookMs = performance.now() - began;
    if (model.frames.seq === model.frames.drawnSeq) return;
    model.frames.drawnSeq = model.frames.seq;
    this.drawn += 1;
    this.log.push({ seq: model.frames.seq, age: model.pace.age(model.frames.now / 1000, here), tookMs });
    if (this.log.length > 1000) this.log.shift();
    if (model.pace.drawn(tookMs, here) !== null) this.onRate();
  }

  private readout(here: number): void {
    clearTimeout(this.readoutTimer);
    this.readoutTimer = undefined;
    this.lastReadout = here;
    for (const tell of this.readouts) tell();
  }

  /** The last values before a silence are told, too. */
  private readoutLater(): void {
    this.readoutTimer ??= setTimeout(() => this.readout(Date.now()), READOUT_MS);
  }
}
