// What stands where charts would be, while there is nothing to draw.

import { useSignal } from '@preact/signals';
import { NO_FILTER } from '../store/filter';
import { model } from '../store/model';
import { Icon } from './icons';

export function NoData() {
  const line = `curl --data 'room,device=lab-temp-01,location=lab temperature=21.4' ${location.origin}/write`;
  const copied = useSignal(false);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(line);
      copied.value = true;
      setTimeout(() => (copied.value = false), 2000);
    } catch {
      // Not a secure origin: the line can be selected by hand.
      const text = document.querySelector('#first-line');
      if (text) getSelection()?.selectAllChildren(text);
    }
  };
  return (
    <section class="card blank" aria-labelledby="blank-title">
      <h2 id="blank-title">No data yet</h2>
      <p>Send a reading, and its chart appears here:</p>
      <div class="line">
        <code id="first-line" tabIndex={0}>
          {line}
        </code>
        <button type="button" onClick={() => void copy()}>
          <Icon name={copied.value ? 'check' : 'copy'} /> {copied.value ? 'Copied' : 'Copy'}
        </button>
      </div>
      <p class="muted">This is InfluxDB line protocol. Run it a few times with other numbers; a device is known by its tag, a channel by its field.</p>
    </section>
  );
}

export function NoMatch() {
  return (
    <section class="card blank" aria-labelledby="blank-title">
      <h2 id="blank-title">Nothing matches this filter</h2>
      <p>{model.series.value.length} series are there, and the filter leaves none of them.</p>
      <button type="button" class="primary" onClick={() => (model.filter.value = NO_FILTER)}>
        Clear the filter
      </button>
    </section>
  );
}
