// Overview: is anything wrong? Figures, the lane of all anomalies, a chart of each channel, open alerts, latest readings.

import type { Loop } from '../chart/loop';
import { model } from '../store/model';
import type { Series } from '../store/wire';
import { Alerts } from '../ui/alerts';
import { FrozenBar, NoticeBar, TroubleBar } from '../ui/bars';
import { Chart } from '../ui/chart';
import { NoData, NoMatch } from '../ui/empty';
import { Filters } from '../ui/filters';
import { Header } from '../ui/header';
import { Kpis } from '../ui/kpis';
import { Lane } from '../ui/lane';
import { Readings } from '../ui/readings';

export function Overview({ loop }: { loop: Loop }) {
  const link = model.link.value.state;
  const met = model.meta.value !== null;
  const none = met && model.series.value.length === 0;
  const dim = link === 'reconnecting' && met ? 'dim' : '';
  return (
    <>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <div class="top">
        <Header />
        <Filters />
        <TroubleBar />
        <NoticeBar />
      </div>
      <main id="main" class={dim}>
        <Kpis />
        {!none && <Lane loop={loop} />}
        <div class="columns">
          <div class="charts-box">
            <div class="charts">{none ? <NoData /> : met && <Charts loop={loop} />}</div>
          </div>
          <div class="side">
            <Alerts />
            <Readings />
          </div>
        </div>
      </main>
      <FrozenBar />
    </>
  );
}

function Charts({ loop }: { loop: Loop }) {
  const shown = model.shown.value;
  if (shown.length === 0) return <NoMatch />;
  const byChannel = new Map<string, Series[]>();
  for (const one of shown) byChannel.set(one.channel, [...(byChannel.get(one.channel) ?? []), one]);
  return (
    <>
      {model.channels.value
        .filter((channel) => byChannel.has(channel.name))
        .map((channel) => (
          <Chart
            key={channel.name}
            channel={channel.name}
            unit={channel.unit ?? ''}
            series={byChannel.get(channel.name)!.sort((a, b) => (a.device < b.device ? -1 : 1))}
            loop={loop}
          />
        ))}
    </>
  );
}
