// A chart as a table: each device with its figures in the range, then the anomalies one by one.

import { clockMillis, count, fixed, moment } from '../store/format';
import { model } from '../store/model';
import { Icon } from './icons';
import { figuresOf } from './summary';

const MARKS = 50;

export function ChartTable({ channel, unit }: { channel: string; unit: string }) {
  // Once a second, with the clock of the page.
  const now = model.now.value;
  void model.epoch.value;
  const range = model.extent();
  const lines = model.linesOf(channel);
  const figure = (value: number): string => fixed(value, model.decimalsOf(channel, 0));
  const marks = lines
    .flatMap((line) => line.marks.map((mark) => ({ mark, device: line.series.device })))
    .filter(({ mark }) => mark.t >= range.from && mark.t <= range.to)
    .sort((a, b) => b.mark.t - a.mark.t);
  return (
    <div class="chart-table" tabIndex={0} role="region" aria-label={`${channel} as table`}>
      <table>
        <caption>
          {channel}, {unit}, {moment(range.from, now)} to {moment(range.to, now)}
        </caption>
        <thead>
          <tr>
            <th scope="col">Device</th>
            <th scope="col">Latest</th>
            <th scope="col">Lowest</th>
            <th scope="col">Mean</th>
            <th scope="col">Highest</th>
            <th scope="col">Anomalies</th>
          </tr>
        </thead>
        <tbody>
          {lines.map((line) => {
            const one = figuresOf(line, range);
            return (
              <tr key={line.series.s}>
                <th scope="row">{line.series.device}</th>
                <td>{line.latest ? figure(line.latest.v) : '–'}</td>
                <td>{figure(one.low)}</td>
                <td>{one.n > 0 ? fixed(one.mean, model.decimalsOfMean(channel)) : '–'}</td>
                <td>{figure(one.high)}</td>
                <td>{fixed(one.marks)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {marks.length > 0 && (
        <table>
          <caption>
            {count(marks.length, 'anomaly', 'anomalies')}
            {marks.length > MARKS ? `, the newest ${MARKS}` : ''}
          </caption>
          <thead>
            <tr>
              <th scope="col">Time</th>
              <th scope="col">Device</th>
              <th scope="col">Value</th>
              <th scope="col">Severity</th>
              <th scope="col">Kind</th>
            </tr>
          </thead>
          <tbody>
            {marks.slice(0, MARKS).map(({ mark, device }) => (
              <tr key={mark.id}>
                <td>{clockMillis(mark.t)}</td>
                <th scope="row">{device}</th>
                <td>{mark.value === null ? '–' : figure(mark.value)}</td>
                <td>
                  <span class={`severity ${mark.severity}`}>
                    <Icon name={mark.severity} /> {mark.severity}
                  </span>
                </td>
                <td>{mark.kind}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}
