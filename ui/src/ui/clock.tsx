// That a device's clock is wrong, wherever the device is named: its readings stand at the wrong place of every chart.

import { clockWords } from '../store/format';
import { model } from '../store/model';

export function ClockTag({ device }: { device: string }) {
  const behind = model.clocks.value.get(device);
  if (behind === undefined) return null;
  return (
    <span class="tag clock" title="Its readings arrive so much later than they say, at the least; a sender that always waits looks the same">
      {clockWords(behind)}
    </span>
  );
}
