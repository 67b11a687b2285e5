// Pipeline: is the program itself well? What comes in and where it waits, how long each stage takes, what is on disk, and
// what receivers are owed. Figures are those of the last seconds where that makes a difference, and move every two.

import type { ComponentChildren } from 'preact';
import { age, bytes, clockWords, count, fixed, millis, moment, percent, short, spanWords } from '../store/format';
import { model } from '../store/model';
import { SECOND } from '../store/range';
import type { Filter, Pipeline, Quantiles, Sink, Source, Stage } from '../store/wire';
import { NoticeBar, TroubleBar } from '../ui/bars';
import { Header } from '../ui/header';
import { Icon } from '../ui/icons';

/** How full a queue may be before somebody should look, and before it is nearly too late. */
const [FILLING, NEARLY_FULL] = [0.8, 0.95];

export function PipelinePage() {
  const pipeline = model.pipeline.value;
  const dim = model.link.value.state === 'reconnecting' ? 'dim' : '';
  return (
    <>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <div class="top">
        <Header />
        <TroubleBar />
        <NoticeBar />
      </div>
      <main id="main" class={`pipeline ${dim}`}>
        {pipeline ? <Cards of={pipeline} /> : <p class="empty">Waiting for the server</p>}
      </main>
    </>
  );
}

function Cards({ of }: { of: Pipeline }) {
  return (
    <>
      <Card id="sources" title="Sources" note="what comes in, and how full each queue is">
        <Table heads={['Source', 'Queue', 'Full in', 'Readings/s', 'Bytes/s', 'Dropped', 'Turned away', 'Rejected']}>
          {of.sources.map((one) => (
            <SourceRow key={one.name} one={one} />
          ))}
        </Table>
      </Card>
      <Card id="stages" title="Stages" note="how long it takes, in the last 30 s">
        <Table heads={['Stage', 'p50', 'p95', 'p99', 'p99 since the start']}>
          {of.stages.map((one) => (
            <StageRow key={one.stage} name={STAGES[one.stage]} one={one} />
          ))}
          {of.sinks.map((one) => (
            <StageRow key={one.name} name={`arrival to the confirmation by ${one.name}`} one={one.confirmed} />
          ))}
        </Table>
      </Card>
      {of.filters.length > 0 && (
        <Card id="filters" title="Filters" note="what passes, and which part of the condition the others fail">
          <Table heads={['Filter', 'Pass', 'Passed', 'Failed', 'Not known', 'Parts that failed']}>
            {of.filters.map((one) => (
              <FilterRow key={one.name} one={one} />
            ))}
          </Table>
        </Card>
      )}
      <Card id="sinks" title="Sinks" note="what receivers are owed">
        {of.sinks.length === 0 ? (
          <p class="empty">No sink: results are on this page and in the lake</p>
        ) : (
          <Table heads={['Sink', 'Waiting', 'Delivered', 'Thinned', 'Dropped', 'Retries']}>
            {of.sinks.map((one) => (
              <SinkRow key={one.name} one={one} />
            ))}
          </Table>
        )}
      </Card>
      <div class="pipeline-pair">
        <Disk of={of} />
        <Process of={of} />
      </div>
    </>
  );
}

const STAGES: Record<Stage['stage'], string> = {
  travel: 'reading to its arrival',
  durable: 'arrival to durable',
  latency: 'arrival to all that follows',
  confirmed: 'arrival to confirmation',
};

function SourceRow({ one }: { one: Source }) {
  const level = one.utilisation >= NEARLY_FULL ? 'critical' : one.utilisation >= FILLING ? 'warning' : '';
  const why = Object.entries(one.drops).filter(([, n]) => n > 0);
  return (
    <tr>
      <th scope="row">
        {one.name} <State good={one.connected} words={one.connected ? 'connected' : 'not connected'} />
      </th>
      <td class={`queue ${level}`} title={`${fixed(one.held)} readings in the queue, which holds ${fixed(one.holds)}`}>
        <svg class="meter" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
          <rect class="meter-back" width="100" height="4" />
          <rect class="meter-fill" width={Math.min(100, one.utilisation * 100)} height="4" />
        </svg>
        {level !== '' && <Icon name={level} />} {percent(one.utilisation)}
      </td>
      <td>{one.full_in_s === null ? <None word="it is not filling" /> : spanWords(Math.max(1, Math.round(one.full_in_s)) * SECOND)}</td>
      <td>{short(one.per_s)}</td>
      <td>{one.bytes === 0 ? <None word="not known" /> : bytes(one.bytes_per_s)}</td>
      <td class={one.dropped > 0 ? 'bad' : ''}>
        {fixed(one.dropped)}
        {why.length > 0 && <span class="why">{why.map(([reason, n]) => `${fixed(n)} ${reason}`).join(', ')}</span>}
      </td>
      <td>{fixed(one.turned_away)}</td>
      <td>{fixed(one.rejected)}</td>
    </tr>
  );
}

function StageRow({ name, one }: { name: string; one: Stage }) {
  const cell = (of: Quantiles, which: keyof Quantiles): ComponentChildren => (of[which] === null ? <None word="none" /> : millis(of[which]));
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>{cell(one.recent, 'p50_ms')}</td>
      <td>{cell(one.recent, 'p95_ms')}</td>
      <td>{cell(one.recent, 'p99_ms')}</td>
      <td class="since muted">{cell(one, 'p99_ms')}</td>
    </tr>
  );
}

/** All is all: what does not pass wholly is not rounded up to it. */
function rate(share: number): string {
  return share > 0.1 && share < 1 ? `${fixed(Math.floor(share * 1000) / 10, 1)}\u202f%` : percent(share);
}

function FilterRow({ one }: { one: Filter }) {
  const all = one.passed + one.failed + one.unknown;
  const parts = one.parts.filter((part) => part.failed > 0).sort((a, b) => b.failed - a.failed);
  return (
    <tr>
      <th scope="row">{one.name}</th>
      <td>{all === 0 ? <None word="nothing came" /> : rate(one.passed / all)}</td>
      <td>{fixed(one.passed)}</td>
      <td>{fixed(one.failed)}</td>
      <td>{fixed(one.unknown)}</td>
      <td class="parts">
        {parts.length === 0 && <None word="none failed" />}
        {parts.map(({ part, failed }) => (
          <span class="part" key={part}>
            {fixed(failed)} × <code>{part}</code>
          </span>
        ))}
      </td>
    </tr>
  );
}

function SinkRow({ one }: { one: Sink }) {
  return (
    <tr>
      <th scope="row">
        {one.name} <State good={one.waiting === 0} words={one.waiting === 0 ? 'up to date' : 'behind'} />
      </th>
      <td>{fixed(one.waiting)}</td>
      <td>{fixed(one.delivered)}</td>
      <td>{fixed(one.thinned)}</td>
      <td class={one.dropped > 0 ? 'bad' : ''}>{fixed(one.dropped)}</td>
      <td>{fixed(one.retries)}</td>
    </tr>
  );
}

function Disk({ of }: { of: Pipeline }) {
  const { journal, outputs, checkpoints, written } = of;
  return (
    <Card id="disk" title="Disk" note={of.full ? 'the journal cannot be written' : 'the journal can be written'}>
      <Facts>
        <Fact name="Journal">
          {bytes(journal.held)} of {bytes(journal.holds)}
        </Fact>
        <Fact name="A sync of it takes">{journal.sync_p99_ms === null ? 'none yet' : `${millis(journal.sync_p99_ms)} (p99)`}</Fact>
        <Fact name="Output log">{bytes(outputs.held)}</Fact>
        <Fact name="Newest checkpoint">
          {checkpoints.age_s === null ? 'none yet' : `${age(checkpoints.age_s * SECOND)} old, ${count(checkpoints.count, 'checkpoint')} since the start`}
        </Fact>
        <Fact name="Work stands still for one">{checkpoints.pause_p99_ms === null ? 'none yet' : `${millis(checkpoints.pause_p99_ms)} (p99)`}</Fact>
        <Fact name="Written">
          {bytes(written.bytes)}
          {written.bytes_per_day !== null && `, ${bytes(written.bytes_per_day)} a day if it goes on`}
        </Fact>
        <Fact name="Lake">
          {count(of.lake.readings, 'reading')} in {count(of.lake.files, 'file')}
        </Fact>
        {of.unread > 0 && <Fact name="Could not be read again">{count(of.unread, 'reading')}</Fact>}
      </Facts>
    </Card>
  );
}

function Process({ of }: { of: Pipeline }) {
  return (
    <Card id="process" title="Process" note={`since ${moment(of.started, of.now)}`}>
      <Facts>
        <Fact name="Memory">{of.memory_bytes === null ? 'not known' : bytes(of.memory_bytes)}</Fact>
        <Fact name="Worked off">{count(of.worked, 'reading')}</Fact>
        <Fact name="Behind the journal">{count(Math.max(0, of.journalled - of.worked), 'reading')}</Fact>
        <Fact name="Late">{count(of.late, 'reading')}</Fact>
        <Fact name="Read again at the start">{count(of.past, 'reading')}</Fact>
        <Fact name="Wrong clocks">
          {of.clocks.wrong === 0 ? 'none' : count(of.clocks.wrong, 'device')}
          {of.clocks.worst.slice(0, 5).map(([device, behind]) => (
            <span class="why" key={device}>
              {device}: {clockWords(behind)}
            </span>
          ))}
        </Fact>
      </Facts>
    </Card>
  );
}

function Card({ id, title, note, children }: { id: string; title: string; note: string; children: ComponentChildren }) {
  return (
    <section class="card" aria-labelledby={`${id}-title`}>
      <header>
        <h2 id={`${id}-title`}>{title}</h2>
        <span class="muted">{note}</span>
      </header>
      {children}
    </section>
  );
}

function Table({ heads, children }: { heads: string[]; children: ComponentChildren }) {
  return (
    <div class="figures" tabIndex={0} role="region" aria-label={`${heads[0]}, table`}>
      <table>
        <thead>
          <tr>
            {heads.map((head) => (
              <th scope="col" key={head} class={head.includes('since') ? 'since' : ''}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

function Facts({ children }: { children: ComponentChildren }) {
  return <dl class="facts">{children}</dl>;
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** How it is: by shape, colour and word. */
function State({ good, words }: { good: boolean; words: string }) {
  return (
    <span class={`state ${good ? 'ok' : 'warning'}`}>
      <Icon name={good ? 'ok' : 'warning'} /> {words}
    </span>
  );
}

function None({ word }: { word: string }) {
  return (
    <span class="muted" title={word}>
      –<span class="sr"> {word}</span>
    </span>
  );
}
