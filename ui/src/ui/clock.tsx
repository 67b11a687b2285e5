// That a device's clock is wrong, wherever the device is named: its readings stand at the wrong place of every chart.

import { clockWords } from '../store/format';
import { model } from '../store/model';
import { Icon } from './icons';

const WHY = 'its readings arrive so much later than they say, at the least; a sender that always waits looks the same';

/** `brief` where there is little room: the words are in its title, and read aloud. */
export function ClockTag({ device, brief = false }: { device: string; brief?: boolean }) {
  const behind = model.clocks.value.get(device);
  if (behind === undefined) return null;
  const words = clockWords(behind);
  return (
    <span class={`tag clock ${brief ? 'brief' : ''}`} title={`${words}: ${WHY}`}>
      {brief ? (
        <>
          <Icon name="stale" />
          <span class="sr">{words}</span>
        </>
      ) : (
        words
      )}
    </span>
  );
}
