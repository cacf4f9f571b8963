// The list of runs, what is chosen, and the stream of events that keeps all of it up to date.
import { Charts, styleColour } from './charts.js';
import { Details } from './details.js';
import { ask, byId, count, duration, element, percent, rounded, runPath, text } from './format.js';

const MANY = 8; // runs from which on a filter helps
const MOST_POINTS = 3000; // then the curves are asked for again, as means
const runs = new Map(); // by id: {summary, row, series, detail, index}
const chosen = []; // ids that are compared, in the order of their colours
let shown = null;
let heard = new Set(); // since the stream began: what is missing then has gone meanwhile
let restored = new URLSearchParams(location.hash.slice(1));

const details = new Details();
const charts = new Charts(byId('charts'), () => chosen.map((id) => runs.get(id)).filter((run) => run?.series)
  .map((run) => ({ id: run.summary.id, name: run.summary.name, index: run.index, series: seen(run) })), zoomed);

function seen(run) {
  return run.detail && charts.range ? { ...run.series, training: run.detail.training, end: run.series.training.step.at(-1) } : run.series;
}

// --- the list

function row(run) {
  const { id, name } = run.summary;
  const compare = element('input', { type: 'checkbox', 'aria-label': `Compare ${name}` });
  compare.addEventListener('change', () => choose(id, compare.checked));
  const swatch = element('span', { class: 'swatch', 'aria-hidden': 'true' });
  const open = element('button', { type: 'button', class: 'name' }, name);
  open.addEventListener('click', () => {
    show(id);
    byId('details-heading').focus({ preventScroll: false });
  });
  const cell = (label, attributes = {}) => element('td', { role: 'cell', 'data-label': label, ...attributes });
  const progress = element('progress', { max: 1, value: 0, 'aria-label': `Steps of ${name}` });
  const words = element('span');
  const cells = { state: element('span', { class: 'state' }), words, progress, loss: cell('Loss', { class: 'number' }),
    error: cell('Top-1 error', { class: 'number' }), speed: cell('Images/s', { class: 'number' }), left: cell('Time left', { class: 'number' }) };
  const label = element('td', { role: 'cell', class: 'narrow-cell' }, compare, ' ', swatch);
  const tr = element('tr', { role: 'row', 'data-run': id }, label, element('td', { role: 'cell', class: 'main-cell' }, open),
    element('td', { role: 'cell', class: 'narrow-cell' }, cells.state),
    element('td', { role: 'cell', class: 'wide-cell' }, words, element('br'), progress), cells.loss, cells.error, cells.speed, cells.left);
  byId('runs').tBodies[0].append(tr);
  return { tr, compare, swatch, open, cells };
}

function refreshRow(run) {
  const { summary, row: { tr, compare, swatch, open, cells } } = run;
  tr.classList.toggle('shown', shown === summary.id);
  open.setAttribute('aria-expanded', String(shown === summary.id));
  const place = chosen.indexOf(summary.id);
  compare.checked = place >= 0;
  swatch.style.background = place >= 0 ? styleColour(run.index) : 'transparent';
  cells.state.className = `state ${summary.state}`;
  text(cells.state, summary.state);
  text(cells.words, `${count(summary.step)}${summary.lastStep === null ? '' : ` of ${count(summary.lastStep)}`}, epoch ${rounded(summary.epoch, 2)}`);
  cells.progress.max = summary.lastStep ?? Math.max(1, summary.step);
  cells.progress.value = summary.step;
  text(cells.loss, summary.loss === null ? '–' : rounded(summary.loss, 4));
  text(cells.error, summary.validation === null ? '–' : percent(1 - summary.validation.top1));
  text(cells.speed, summary.speed === null ? '–' : count(summary.speed));
  text(cells.left, summary.secondsLeft === null ? '–' : `about ${duration(summary.secondsLeft)}`);
}

function refreshList() {
  byId('no-runs').hidden = runs.size > 0;
  byId('runs').hidden = runs.size === 0;
  byId('filter-row').hidden = runs.size <= MANY;
  filter();
  const running = [...runs.values()].filter((run) => run.summary.state === 'running');
  document.title = running.length ? `${running.length} running – duet watch` : 'duet watch';
}

function filter() {
  const wanted = runs.size > MANY ? byId('filter').value.trim().toLowerCase() : '';
  for (const { summary, row: { tr } } of runs.values()) {
    tr.hidden = wanted !== '' && !`${summary.name} ${summary.network} ${summary.state}`.toLowerCase().includes(wanted);
  }
}

// --- what is chosen

function freeIndex() {
  const taken = new Set(chosen.map((id) => runs.get(id)?.index));
  let index = 0;
  while (taken.has(index)) index++;
  return index;
}

async function choose(id, wanted) {
  const place = chosen.indexOf(id);
  if (wanted && place < 0) {
    runs.get(id).index = freeIndex();
    chosen.push(id);
    await load(id);
  } else if (!wanted && place >= 0) {
    chosen.splice(place, 1);
  }
  remember();
  refreshAll();
}

function show(id) {
  shown = id;
  remember();
  refreshAll();
  return details.show(id);
}

function remember() {
  const parameters = new URLSearchParams();
  if (shown) parameters.set('show', shown);
  for (const id of chosen) parameters.append('compare', id);
  history.replaceState(null, '', `${location.pathname}#${parameters}`); // without the token, which is a cookie by now
}

function refreshAll() {
  for (const run of runs.values()) refreshRow(run);
  charts.update();
}

// What the address says, else the run that is running, else the last one.
function begin() {
  if (restored) {
    const wanted = restored.getAll('compare').filter((id) => runs.has(id));
    const first = restored.get('show');
    restored = null;
    wanted.forEach((id) => choose(id, true));
    if (runs.has(first)) show(first);
    if (wanted.length || shown) return;
  }
  if (!shown && !chosen.length && runs.size) {
    const all = [...runs.values()];
    const { id } = (all.find((run) => run.summary.state === 'running') ?? all.at(-1)).summary;
    choose(id, true);
    show(id);
  }
}

// --- curves

async function load(id) {
  const run = runs.get(id);
  try {
    run.series = await ask(runPath(id, '/series'));
    run.detail = null;
    if (charts.range) await loadDetail(run);
  } catch (e) {
    // gone meanwhile, or asked for again when the connection is back
  }
  charts.update();
}

async function loadDetail(run) {
  const [low, high] = charts.range;
  const steps = charts.against === 'step' ? 1 : 1 / (run.series.epochsOfAStep || 1);
  const from = Math.max(0, Math.floor(low * steps) - 1);
  const to = Math.min(2 ** 31 - 1, Math.ceil(high * steps) + 1);
  run.detail = await ask(runPath(run.summary.id, `/series?from=${from}&to=${to}`));
}

let later = null;
function zoomed(range) {
  clearTimeout(later);
  if (!range) {
    for (const run of runs.values()) run.detail = null;
    return;
  }
  later = setTimeout(async () => {
    await Promise.all(chosen.map((id) => runs.get(id)).filter((run) => run?.series).map((run) => loadDetail(run).catch(() => {})));
    charts.update();
  }, 250);
}

function append(curve, more) {
  const last = curve.step.at(-1) ?? 0;
  more.step.forEach((step, i) => {
    if (step > last) for (const column of Object.keys(curve)) curve[column].push(more[column][i]);
  });
}

function points(more) {
  const run = runs.get(more.run);
  if (!run?.series || !chosen.includes(more.run)) return;
  if (run.series.generation !== more.generation || run.series.training.step.length > MOST_POINTS) {
    load(more.run);
    return;
  }
  append(run.series.training, more.training);
  const last = run.series.validations.at(-1)?.step ?? 0;
  run.series.validations.push(...more.validations.filter((v) => v.step > last));
  const known = new Set(run.series.changes.map((change) => change.step));
  run.series.changes.push(...more.changes.filter((change) => !known.has(change.step)));
  if (!run.series.epochsOfAStep) {
    load(more.run);
    return;
  }
  charts.update();
}

// --- events

function told(summary) {
  heard.add(summary.id);
  const known = runs.get(summary.id);
  if (!known) {
    const run = { summary, index: 0, series: null, detail: null };
    runs.set(summary.id, run);
    run.row = row(run);
    refreshRow(run);
    refreshList();
    if (!restored) begin();
    return;
  }
  const before = known.summary;
  known.summary = summary;
  refreshRow(known);
  refreshList();
  if (before.state !== summary.state) text(byId('said'), `${summary.name}: ${summary.words}`);
  if (before.generation !== summary.generation && chosen.includes(summary.id)) load(summary.id);
  if (shown === summary.id) {
    details.summary(summary);
    if (before.checkpoint !== summary.checkpoint || before.validation?.step !== summary.validation?.step || before.generation !== summary.generation) {
      details.refresh();
    }
  }
}

function gone(id) {
  const run = runs.get(id);
  if (!run) return;
  run.row.tr.remove();
  runs.delete(id);
  if (chosen.includes(id)) chosen.splice(chosen.indexOf(id), 1);
  if (shown === id) {
    shown = null;
    details.hide();
  }
  refreshList();
  refreshAll();
}

function connect() {
  const source = new EventSource('api/events');
  const on = (name, take) => source.addEventListener(name, (event) => take(JSON.parse(event.data)));
  const connection = (words, kind) => {
    byId('connection').className = kind;
    text(byId('connection'), words);
  };
  let connected = false;
  on('run', told);
  on('gone', gone);
  on('points', (more) => {
    points(more);
    if (shown === more.run && more.changes.length) details.refresh();
  });
  on('evaluation', ({ run, status }) => {
    if (run === shown) details.evaluation(status);
  });
  source.addEventListener('open', () => {
    heard = new Set();
    connection('Reading the runs.', '');
  });
  on('ready', () => {
    [...runs.keys()].filter((id) => !heard.has(id)).forEach(gone);
    connection('Live.', 'good');
    begin();
    if (connected) chosen.forEach(load); // what was missed
    connected = true;
  });
  source.addEventListener('error', () => connection('The connection is lost; trying again.', 'bad'));
}

byId('filter').addEventListener('input', filter);
byId('axis').addEventListener('change', (event) => charts.set('against', event.target.value));
byId('smoothing').addEventListener('change', (event) => charts.set('smoothing', Number(event.target.value)));
byId('logarithmic').addEventListener('change', (event) => charts.set('logarithmic', event.target.checked));
byId('zoom-in').addEventListener('click', () => charts.zoom(0.5));
byId('zoom-out').addEventListener('click', () => charts.zoom(2));
byId('earlier').addEventListener('click', () => charts.move(-0.25));
byId('later').addEventListener('click', () => charts.move(0.25));
byId('all').addEventListener('click', () => charts.all());
charts.sayRange();
connect();
