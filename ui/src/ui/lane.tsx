// The overall anomaly lane: where in the range something was wrong. Left and Right go from cell to cell, Enter zooms in.

import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { currentInks } from '../chart/inks';
import { drawLane } from '../chart/lane';
import type { Loop } from '../chart/loop';
import { clock, count, moment, spanWords } from '../store/format';
import type { Bucket } from '../store/lanes';
import { model } from '../store/model';
import { frozen } from '../store/range';

const WIDEST = 120;
const LEVELS = ['nothing', 'warning', 'critical'] as const;

export function buckets(width: number): Bucket[] {
  return model.lanes.buckets(model.extent(), Math.max(24, Math.min(WIDEST, width / 8)), model.laneFilter());
}

export function Lane({ loop }: { loop: Loop }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const told = useRef<HTMLParagraphElement>(null);
  const chosen = useSignal<number | null>(null);
  const cells = useRef<Bucket[]>([]);
  const summary = useSignal('');
  useEffect(() => {
    const draw = (): void => {
      const box = canvas.current;
      if (!box) return;
      const range = model.extent();
      cells.current = buckets(box.clientWidth);
      // A cell stays chosen by its time, wherever it has moved to.
      const index = chosen.peek() === null ? null : cells.current.findIndex((cell) => cell.from === chosen.peek());
      drawLane(box, cells.current, range, currentInks(), model.hover.peek(), index);
    };
    const tell = (): void => {
      summary.value = describe(cells.current);
      const hover = model.hover.peek();
      const at = chosen.peek() ?? hover;
      const cell = at === null ? undefined : cells.current.find((one) => one.from <= at && at < one.to);
      if (told.current) told.current.textContent = cell ? inWords(cell) : describe(cells.current);
    };
    loop.charts.add(draw);
    loop.readouts.add(tell);
    const size = new ResizeObserver(() => loop.now());
    if (canvas.current) size.observe(canvas.current);
    const unsubscribe = chosen.subscribe(() => loop.now());
    return () => {
      loop.charts.delete(draw);
      loop.readouts.delete(tell);
      size.disconnect();
      unsubscribe();
    };
  }, []);

  const step = (way: -1 | 1): void => {
    const all = cells.current;
    const now = all.findIndex((cell) => cell.from === chosen.peek());
    const next = all[now < 0 ? all.length - 1 : Math.min(all.length - 1, Math.max(0, now + way))];
    if (next) chosen.value = next.from;
  };
  const zoomInto = (cell: Bucket | undefined): void => {
    if (!cell) return;
    const margin = (cell.to - cell.from) * 2;
    model.show(frozen(cell.from - margin, Math.min(model.clock, cell.to + margin), model.range.peek().span));
    chosen.value = null;
  };
  const at = chosen.value;
  const all = cells.current;
  const index = all.findIndex((cell) => cell.from === at);
  const picked = all[index];
  return (
    <section class="card lane" aria-labelledby="lane-title">
      <h2 id="lane-title">Anomalies over time</h2>
      <p class="lane-told muted" ref={told} />
      <div
        class="lane-box"
        role="slider"
        tabIndex={0}
        aria-label="Anomaly lane"
        aria-describedby="lane-keys"
        aria-valuemin={0}
        aria-valuemax={Math.max(1, all.length - 1)}
        aria-valuenow={index < 0 ? Math.max(0, all.length - 1) : index}
        aria-valuetext={picked ? inWords(picked) : summary.value}
        onKeyDown={(event) => {
          if (event.key === 'ArrowLeft') step(-1);
          else if (event.key === 'ArrowRight') step(1);
          else if (event.key === 'Home') chosen.value = cells.current[0]?.from ?? null;
          else if (event.key === 'End') chosen.value = cells.current.at(-1)?.from ?? null;
          else if (event.key === 'Enter') zoomInto(picked);
          else return;
          event.preventDefault();
        }}
        onBlur={() => (chosen.value = null)}
        onPointerMove={(event) => {
          model.hover.value = timeAt(event);
          loop.now();
        }}
        onPointerLeave={() => {
          model.hover.value = null;
          loop.now();
        }}
        onClick={(event) => {
          const t = timeAt(event);
          zoomInto(cells.current.find((cell) => cell.from <= t && t < cell.to));
        }}
      >
        <canvas ref={canvas} aria-hidden="true" />
      </div>
      <p class="sr" id="lane-keys">
        Left and Right choose a cell, Enter zooms into it.
      </p>
    </section>
  );
}

function timeAt(event: MouseEvent & { currentTarget: Element }): number {
  const box = event.currentTarget.getBoundingClientRect();
  const { from, to } = model.extent();
  return from + ((event.clientX - box.left) / box.width) * (to - from);
}

function inWords(cell: Bucket): string {
  const now = model.clock;
  const what = cell.level === 0 ? 'nothing' : cell.count > 0 ? `${count(cell.count, 'anomaly', 'anomalies')}, worst ${LEVELS[cell.level]}` : LEVELS[cell.level];
  return `${moment(cell.from, now)} to ${clock(cell.to)}: ${what}`;
}

function describe(cells: Bucket[]): string {
  const first = cells[0];
  if (!first) return '';
  const warning = cells.filter((cell) => cell.level === 1).length;
  const critical = cells.filter((cell) => cell.level === 2).length;
  const width = spanWords(first.to - first.from);
  if (warning + critical === 0) return `nothing found in ${count(cells.length, 'cell')} of ${width}`;
  return `${critical} critical, ${warning} warning of ${count(cells.length, 'cell')} of ${width}`;
}
