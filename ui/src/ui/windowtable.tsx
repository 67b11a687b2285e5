// What windows say of a channel, as tables: one for each window, what is open so far on top, then the newest.

import { useEffect } from 'preact/hooks';
import { fixed, moment } from '../store/format';
import { model } from '../store/model';
import { LOOKED_BOUND, momentOf, type WindowGroup } from '../store/windows';
import type { WindowRow } from '../store/wire';

/** Rows of one table. */
const ROWS = 60;
/** Statistics that count something, and shares of time or readings: they have no unit. */
const WHOLE = /^(count|bad|anomalies_)/;
const SHARE = /^(share_|missing$|correlation$|reduction$)/;

export function WindowTable({ channel, unit }: { channel: string; unit: string }) {
  void model.windowRows.value;
  const shown = model.shown.value.filter((one) => one.channel === channel).sort((a, b) => (a.device < b.device ? -1 : 1));
  const looked = shown.slice(0, LOOKED_BOUND);
  const series = looked.map((one) => one.s).join();
  useEffect(() => {
    model.look(channel, series === '' ? [] : series.split(',').map(Number));
  }, [channel, series]);
  useEffect(() => () => model.look(channel, []), [channel]);
  const devices = new Set(looked.map((one) => one.device));
  const about = (name: string): boolean => name === channel || name.includes(`.${channel}.`) || name.endsWith(`.${channel}`);
  const groups = model.windows.groups(devices, about, model.paused.value);
  return (
    <div class="chart-table windows" tabIndex={0} role="region" aria-label={`Windows of ${channel}`}>
      {groups.length === 0 && <p class="empty">No window has said anything of it yet</p>}
      {groups.map((group) => (
        <Group key={`${group.window} ${group.channel}`} group={group} channel={channel} unit={unit} />
      ))}
      {shown.length > LOOKED_BOUND && (
        <p class="muted note">
          {LOOKED_BOUND} of {fixed(shown.length)} devices; narrow the filter to see the others
        </p>
      )}
    </div>
  );
}

function Group({ group, channel, unit }: { group: WindowGroup; channel: string; unit: string }) {
  const now = model.now.value;
  return (
    <table>
      <caption>
        Window <strong>{group.window}</strong>
        {group.channel === channel ? '' : ` of ${group.channel}`}
        {unit === '' ? '' : `, ${unit}`}
        {group.rows.length > ROWS ? `, its newest ${ROWS} rows` : ''}
      </caption>
      <thead>
        <tr>
          <th scope="col">Device</th>
          <th scope="col">From</th>
          <th scope="col">To</th>
          {group.names.map((name) => (
            <th scope="col" class="figure" key={name}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {group.rows.slice(0, ROWS).map((row) => (
          <tr key={`${row.key} ${row.start} ${row.end}`} class={row.provisional ? 'open' : ''}>
            <th scope="row">
              {row.key} <Marks row={row} />
            </th>
            <td>{moment(momentOf(row.start), now)}</td>
            <td>{moment(momentOf(row.end), now)}</td>
            {group.names.map((name) => (
              <td class="figure" key={name}>
                {figure(row, name, channel)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Marks({ row }: { row: WindowRow }) {
  const revision = row.revision ?? 0;
  return (
    <>
      {row.provisional && (
        <span class="tag" title="It is open: this is what it would say if it closed now">
          so far
        </span>
      )}
      {row.partial && (
        <span class="tag" title="The device was first heard after this window began">
          partial
        </span>
      )}
      {revision > 0 && (
        <span class="tag" title={`Late readings have changed it ${revision === 1 ? 'once' : `${revision} times`} since it closed`}>
          revision {revision}
        </span>
      )}
    </>
  );
}

function figure(row: WindowRow, name: string, channel: string): string {
  const value = row[name];
  if (typeof value !== 'number') return '–';
  if (WHOLE.test(name)) return fixed(value);
  return fixed(value, SHARE.test(name) ? 3 : model.decimalsOfMean(channel));
}
