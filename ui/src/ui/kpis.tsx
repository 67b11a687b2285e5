// The figures at the top. Each is one number, what it is made of, and how it went in the last two minutes.

import type { ComponentChildren } from 'preact';
import { sparkPath } from '../chart/spark';
import { fixed, millis, percent, short } from '../store/format';
import { model } from '../store/model';
import type { Kpi } from '../store/wire';
import { Icon, type IconName } from './icons';

export function Kpis() {
  const kpi = model.kpi.value;
  const past = model.kpis.value;
  const of = (pick: (one: Kpi) => number): number[] => past.map(pick);
  const devices = kpi?.devices;
  const total = devices ? devices.ok + devices.warning + devices.critical + devices.stale : 0;
  const perSecond = of((one) => one.anomalies).map((value, i, all) => (i === 0 ? NaN : value - all[i - 1]!)).slice(1);
  return (
    <section class="kpis" aria-label="Key figures">
      <Tile name="Readings" value={kpi ? fixed(kpi.readings) : null} spark={of((one) => one.rate)}>
        {kpi && <>{short(kpi.rate)}/s</>}
      </Tile>
      <Tile name="Anomalies" value={kpi ? fixed(kpi.anomalies) : null} spark={perSecond}>
        {kpi && (
          <span class="counts">
            <Count icon="critical" n={kpi.open.critical} word="critical" />
            <Count icon="warning" n={kpi.open.warning} word="warning" />
            <span>open</span>
          </span>
        )}
      </Tile>
      <Tile name="Devices" value={kpi ? fixed(total) : null}>
        {devices && (
          <span class="counts">
            <Count icon="ok" n={devices.ok} word="ok" />
            {devices.critical > 0 && <Count icon="critical" n={devices.critical} word="critical" />}
            <Count icon="warning" n={devices.warning} word="warning" />
            <Count icon="stale" n={devices.stale} word="stale" />
          </span>
        )}
      </Tile>
      <Tile name="Dropped" value={kpi ? fixed(kpi.dropped) : null} bad={(kpi?.dropped ?? 0) > 0}>
        {kpi && (
          <>
            {fixed(kpi.late)} late, {fixed(kpi.rejected)} rejected
          </>
        )}
      </Tile>
      <Tile name="Latency p99" value={kpi ? millis(kpi.p99_ms) : null} spark={of((one) => one.p99_ms ?? 0)}>
        {kpi && <>p50 {millis(kpi.p50_ms)}</>}
      </Tile>
      <Tile name="Queue" value={kpi ? percent(kpi.queue) : null} bad={(kpi?.queue ?? 0) >= 0.8} meter={kpi?.queue ?? 0}>
        {kpi && (
          <>
            {short(kpi.behind)} behind, {fixed(kpi.clients)} {kpi.clients === 1 ? 'viewer' : 'viewers'}
          </>
        )}
      </Tile>
    </section>
  );
}

function Tile(props: { name: string; value: string | null; spark?: number[]; meter?: number; bad?: boolean; children: ComponentChildren }) {
  const { name, value, spark, meter, bad = false, children } = props;
  return (
    <div class={`tile ${bad ? 'bad' : ''}`}>
      <h2>{name}</h2>
      <p class="tile-value">{value ?? '–'}</p>
      <p class="tile-more">{children}</p>
      {spark && (
        <svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true">
          <path d={sparkPath(spark)} />
        </svg>
      )}
      {meter !== undefined && (
        <svg class="meter" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
          <rect class="meter-back" width="100" height="4" />
          <rect class="meter-fill" width={Math.min(100, Math.max(0, meter * 100))} height="4" />
        </svg>
      )}
    </div>
  );
}

function Count({ icon, n, word }: { icon: IconName; n: number; word: string }) {
  return (
    <span class={`count ${n > 0 ? icon : 'none'}`} title={`${n} ${word}`}>
      <Icon name={icon} />
      {fixed(n)} <span class="sr">{word}</span>
    </span>
  );
}
