// What a chart says, in words and figures.

import { count, fixed, spanWords } from '../store/format';
import type { Line } from '../store/line';
import { model } from '../store/model';
import type { Extent } from '../store/range';

export interface Figures {
  n: number;
  low: number;
  high: number;
  mean: number;
  marks: number;
}

export function figuresOf(line: Line, { from, to }: Extent): Figures {
  const { ring } = line;
  const figures = { n: 0, low: Infinity, high: -Infinity, mean: 0, marks: 0 };
  const end = ring.lower(to + 1);
  for (let i = ring.lower(from); i < end; i += 1) {
    const v = ring.v[i]!;
    if (v !== v) continue;
    figures.n += 1;
    figures.mean += (v - figures.mean) / figures.n;
    if (ring.low[i]! < figures.low) figures.low = ring.low[i]!;
    if (ring.high[i]! > figures.high) figures.high = ring.high[i]!;
  }
  figures.marks = line.marks.reduce((sum, mark) => sum + (mark.t >= from && mark.t <= to ? 1 : 0), 0);
  return figures;
}

export function summaryOf(channel: string, unit: string, lines: Line[], range: Extent, span: number): { text: string; brief: string } {
  let [n, low, high, sum, marks] = [0, Infinity, -Infinity, 0, 0];
  for (const line of lines) {
    const one = figuresOf(line, range);
    n += one.n;
    sum += one.mean * one.n;
    low = Math.min(low, one.low);
    high = Math.max(high, one.high);
    marks += one.marks;
  }
  if (n === 0) return { text: `${channel}: no readings in this range`, brief: 'no readings in this range' };
  const figure = (value: number): string => fixed(value, model.decimalsOf(channel, value));
  const anomalies = count(marks, 'anomaly', 'anomalies');
  return {
    text: `${channel}, ${model.paused.peek() ? '' : 'last '}${spanWords(span)}, ${count(lines.length, 'device')}: ${figure(low)} to ${figure(high)} ${unit}, mean ${fixed(sum / n, model.decimalsOfMean(channel))}, ${anomalies}`,
    brief: `${figure(low)} – ${figure(high)}${marks > 0 ? `, ${anomalies}` : ''}`,
  };
}
