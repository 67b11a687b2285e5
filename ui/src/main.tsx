// Joins the parts: the stream fills the store, the loop draws it, components show it and give commands.

import './theme.css';
import './page.css';
import { effect } from '@preact/signals';
import { render } from 'preact';
import { Loop } from './chart/loop';
import { startHook } from './hook';
import { startBackfill } from './net/backfill';
import { acknowledgeAlert, Live, silenceAlert } from './net/live';
import { followPipeline } from './net/pipeline';
import { followWindows } from './net/windows';
import { Overview } from './pages/overview';
import { PipelinePage } from './pages/pipeline';
import { commands } from './store/commands';
import { model } from './store/model';
import { Announcements } from './ui/alerts';
import { Help } from './ui/help';
import { startKeys } from './ui/keys';
import { startTheme } from './ui/theme';
import { startView } from './ui/view';

const loop = new Loop(model);
const net = new Live(model);
Object.assign(commands, {
  acknowledge: (alert) => acknowledgeAlert(model, alert),
  silence: (alert, span) => silenceAlert(model, alert, span),
  reconnect: () => net.reconnect(),
} satisfies typeof commands);
loop.onRate = () => net.handover();

function Shown() {
  return model.page.value === 'pipeline' ? <PipelinePage /> : <Overview loop={loop} />;
}

startTheme(() => loop.now());
startView();
startKeys();
startHook(loop);
render(
  <>
    <Shown />
    <Help />
    <Announcements />
  </>,
  document.getElementById('page')!,
);
effect(() => {
  // What a person changes is drawn at once, and not when the next frame comes.
  void [model.range.value, model.shown.value, model.hover.value === null];
  loop.now();
});
startBackfill(model, () => loop.stream());
net.start(() => loop.stream());
followPipeline(model);
followWindows(model, () => net.look());
effect(() => {
  const alerts = [...model.open.value.values()].filter((alert) => alert.state === 'firing' && !alert.acknowledged).length;
  document.title = `${alerts > 0 ? `(${alerts}) ` : ''}${model.meta.value?.name ?? 'Ouzel'} – Ouzel`;
});
