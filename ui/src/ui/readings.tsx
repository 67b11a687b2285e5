// The latest readings, newest first: fifty rows of fixed height, told twice a second. Following stops on demand.

import { clockMillis, clockTenths, clockWords, fixed } from '../store/format';
import { model, type Row } from '../store/model';
import { FLAG, type Series } from '../store/wire';
import { Icon } from './icons';

const ROWS = 50;

export function Readings() {
  const rows = model.rows.value.slice(0, ROWS);
  const series = new Map(model.series.value.map((one) => [one.s, one]));
  const units = new Map(model.channels.value.map((one) => [one.name, one.unit]));
  const stopped = model.paused.value;
  const following = model.following.value && !stopped;
  return (
    <section class="card readings" aria-labelledby="readings-title">
      <header>
        <h2 id="readings-title">Latest readings</h2>
        <button
          type="button"
          class="small"
          disabled={stopped}
          aria-pressed={following}
          title={stopped ? 'The page is paused' : following ? 'Hold the rows still' : 'Follow again'}
          onClick={() => {
            model.following.value = !model.following.peek();
            model.publishRows();
          }}
        >
          <Icon name={following ? 'pause' : 'play'} /> {following ? 'Following' : 'Held'}
        </button>
      </header>
      <div class="rows" tabIndex={0} role="region" aria-label="Latest readings, table">
        <table>
          <thead>
            <tr>
              <th scope="col" class="col-time">
                Time
              </th>
              <th scope="col">Device</th>
              <th scope="col" class="col-channel">
                Channel
              </th>
              <th scope="col" class="col-value">
                Value
              </th>
              <th scope="col" class="col-verdict">
                Verdict
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row, i) => (
              <Line key={i} row={row} one={series.get(row.s)} unit={units.get(series.get(row.s)?.channel ?? '') ?? ''} />
            ))}
          </tbody>
        </table>
        {rows.length === 0 && <p class="empty">No reading yet</p>}
      </div>
    </section>
  );
}

function Line({ row, one, unit }: { row: Row; one: Series | undefined; unit: string }) {
  const channel = one?.channel ?? '';
  const behind = model.clocks.value.get(one?.device ?? '');
  const level = row.f & FLAG.critical ? 'critical' : row.f & FLAG.warning ? 'warning' : null;
  return (
    <tr class={level ?? ''}>
      <td class="col-time" title={clockMillis(row.t)}>
        {clockTenths(row.t)}
      </td>
      <td title={behind === undefined ? one?.device : `${one?.device}, ${clockWords(behind)}`}>{one?.device ?? ''}</td>
      <td class="col-channel">{channel}</td>
      <td class="col-value">
        {fixed(row.v, model.decimalsOf(channel, row.v))} <span class="unit">{unit}</span>
      </td>
      <td class="col-verdict">
        {level ? (
          <span class={`severity ${level}`}>
            <Icon name={level} /> {row.kind ?? level}
          </span>
        ) : row.f & FLAG.quality ? (
          <span class="muted">bad quality</span>
        ) : row.f & FLAG.late ? (
          <span class="muted">late</span>
        ) : (
          <span class="muted">ok</span>
        )}
      </td>
    </tr>
  );
}
