// Open alerts: the worst first, each with one sentence and what can be done about it.

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { isQuiet, isSilenced, ordered } from '../store/alerts';
import { commands } from '../store/commands';
import { age, clock, count, fixed, moment } from '../store/format';
import { model } from '../store/model';
import { matches } from '../store/filter';
import type { Alert } from '../store/wire';
import { ClockTag } from './clock';
import { Icon, SeverityMark } from './icons';

const SHOWN = 50;

export function Alerts() {
  const now = model.now.value;
  const filter = model.filter.value;
  const all = ordered(model.open.value, now);
  const tags = new Map(model.series.value.map((one) => [one.s, one.tags]));
  const alerts = all.filter((alert) => matches({ ...alert, tags: tags.get(alert.s) ?? {} }, filter));
  const hidden = all.length - alerts.length;
  return (
    <section class="card alerts" aria-labelledby="alerts-title">
      <header>
        <h2 id="alerts-title">Open alerts</h2>
        <span class="badge">{fixed(alerts.length)}</span>
        {hidden > 0 && <span class="muted">{fixed(hidden)} more outside the filter</span>}
      </header>
      {alerts.length === 0 ? (
        <p class="empty">
          <Icon name="ok" /> {model.kpi.value ? 'No open alert' : 'Waiting for the server'}
        </p>
      ) : (
        <ul class="alert-list">
          {alerts.slice(0, SHOWN).map((alert) => (
            <Item key={alert.id} alert={alert} now={now} />
          ))}
          {alerts.length > SHOWN && <li class="muted">and {fixed(alerts.length - SHOWN)} more; narrow the filter to see them</li>}
        </ul>
      )}
    </section>
  );
}

function Item({ alert, now }: { alert: Alert; now: number }) {
  const busy = useSignal(false);
  const write = model.meta.value?.write ?? false;
  const act = async (what: () => Promise<void>): Promise<void> => {
    busy.value = true;
    await what();
    busy.value = false;
  };
  const silenced = isSilenced(alert, now);
  return (
    <li class={`alert ${alert.severity} ${isQuiet(alert, now) ? 'quiet' : ''}`}>
      <SeverityMark severity={alert.severity} />
      <div class="alert-body">
        <p class="alert-head">
          <strong>{alert.device}</strong> <span class="muted">{alert.channel}</span>
          {alert.state === 'pending' && <span class="tag">pending</span>}
          <ClockTag device={alert.device} />
          <span class="alert-age" title={`since ${moment(alert.since, now)}`}>
            {alert.count > 1 && <span title={`${count(alert.count, 'time')}`}>{fixed(alert.count)}×</span>} {age(now - alert.since)}
          </span>
        </p>
        <p class="alert-text">{alert.message}</p>
        <div class="alert-foot">
          {alert.acknowledged ? (
            <span class="done">
              <Icon name="check" /> acknowledged{alert.acknowledged.by ? ` by ${alert.acknowledged.by}` : ''} {clock(alert.acknowledged.at)}
            </span>
          ) : (
            write && (
              <button type="button" class="small" disabled={busy.value} onClick={() => void act(() => commands.acknowledge(alert))}>
                <Icon name="check" /> Acknowledge<span class="sr"> {alert.device} {alert.channel}</span>
              </button>
            )
          )}
          {silenced ? (
            <span class="done">
              <Icon name="mute" /> silent until {clock(alert.silenced_until ?? 0)}
            </span>
          ) : (
            write && (
              <button type="button" class="small" disabled={busy.value} onClick={() => void act(() => commands.silence(alert, '1h'))}>
                <Icon name="mute" /> Silence 1 h<span class="sr"> {alert.device} {alert.channel}</span>
              </button>
            )
          )}
        </div>
      </div>
    </li>
  );
}

/** What a screen reader hears of new alerts, at most once in five seconds. */
export function Announcements() {
  const words = useSignal('');
  useEffect(() => {
    const timer = setInterval(() => {
      const due = model.announcer.due(Date.now());
      if (due !== null) words.value = due;
    }, 500);
    return () => clearInterval(timer);
  }, []);
  return (
    <p class="sr" role="status" aria-live="polite" id="announcements">
      {words.value}
    </p>
  );
}
