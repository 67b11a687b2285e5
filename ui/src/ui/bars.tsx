// Bars that say what the page is not showing as usual: it is paused, the server is another one, something was refused.

import { clock, count, day, moment } from '../store/format';
import { model } from '../store/model';
import { Icon } from './icons';

export function FrozenBar() {
  const range = model.range.value;
  if (range.kind === 'live') return null;
  const { readings, alerts } = model.missed.value;
  const now = model.now.value;
  const words = range.paused
    ? `Paused at ${moment(range.to, now)}`
    : `Showing ${moment(range.from, now)} to ${day(range.from) === day(range.to) ? clock(range.to) : moment(range.to, now)}`;
  return (
    <div class="bar frozen" role="region" aria-label="Paused">
      <span class="frozen-words">
        <strong>{words}</strong>
        <span>
          missed {count(readings, 'reading')}, {count(alerts, 'alert')}
        </span>
      </span>
      <button type="button" class="primary" onClick={() => model.resume()}>
        <Icon name="play" /> Return to live
      </button>
    </div>
  );
}

/** What is wrong with the pipeline itself. It stays until it is over: nobody can dismiss a full disk. */
export function TroubleBar() {
  const troubles = model.kpi.value?.troubles ?? [];
  const now = model.now.value;
  // The box is always there, so that a screen reader hears what comes into it.
  return (
    <div role="alert">
      {troubles.slice(0, 5).map((trouble) => (
        <div class="bar trouble" key={trouble.part}>
          <span>
            <Icon name="critical" /> <strong>{trouble.part}:</strong> {trouble.what}{' '}
            <span class="nowrap">since {moment(trouble.since, now)}</span>
          </span>
        </div>
      ))}
      {troubles.length > 5 && <div class="bar trouble">and {troubles.length - 5} more, see Pipeline</div>}
    </div>
  );
}

export function NoticeBar() {
  const notice = model.notice.value;
  const fault = model.fault.value;
  return (
    <>
      {notice === 'upgraded' && (
        <div class="bar warn" role="alert">
          <span>
            <strong>The server has another version now.</strong> Reload to use its page.
          </span>
          <button type="button" class="primary" onClick={() => location.reload()}>
            <Icon name="reload" /> Reload
          </button>
        </div>
      )}
      {notice === 'restarted' && (
        <div class="bar" role="status">
          <span>
            <strong>The server was restarted.</strong> Everything was asked for anew; a gap in a line is the time it was away.
          </span>
          <button type="button" onClick={() => (model.notice.value = null)}>
            Dismiss
          </button>
        </div>
      )}
      {fault && (
        <div class="bar warn" role="alert">
          <span>
            <strong>That did not work:</strong> {fault}
          </span>
          <button type="button" onClick={() => (model.fault.value = null)}>
            Dismiss
          </button>
        </div>
      )}
    </>
  );
}
