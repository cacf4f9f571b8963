// The panel of one run.
import { ask, byId, count, element, percent, rounded, rows, runPath, text } from './format.js';
import { showPlan } from './plan.js';

export class Details {
  constructor() {
    this.id = null;
    this.filters = null;
    this.evaluated = null;
    this.planOf = null;
    byId('evaluate').addEventListener('click', () => this.evaluate());
  }

  async show(id) {
    this.id = id;
    this.filters = null;
    this.evaluated = null;
    byId('plan').hidden = true;
    this.planOf = null;
    this.clearEvaluation();
    await this.refresh();
  }

  hide() {
    this.id = null;
    byId('details').hidden = true;
  }

  // What changes seldom: asked for again when the run has a new checkpoint, a validation or an event.
  async refresh() {
    const id = this.id;
    let details;
    try {
      details = await ask(runPath(id));
    } catch (e) {
      return; // gone meanwhile
    }
    if (id !== this.id) return;
    byId('details').hidden = false;
    this.facts(details);
    this.tables(details);
    this.summary(details.summary);
    this.evaluation(details.evaluation);
    await this.plan(details.summary);
  }

  facts({ summary, facts }) {
    text(byId('details-heading'), summary.name);
    const pairs = Object.entries(facts).flatMap(([name, words]) => [element('dt', {}, name), element('dd', {}, words)]);
    byId('facts').replaceChildren(...pairs);
  }

  tables({ changes, validations, summary }) {
    byId('no-events').hidden = changes.length > 0;
    byId('events').hidden = changes.length === 0;
    rows(byId('events').tBodies[0], changes.map((change, i) => element('tr', {}, element('td', {}, i + 1),
      element('td', { class: 'number' }, count(change.step)), element('td', { class: 'number' }, rounded(change.epoch, 2)),
      element('td', {}, `${change.cause === 'validation' ? 'after validation: ' : ''}${change.rates}`))));
    byId('no-validations').hidden = validations.length > 0;
    byId('validations').hidden = validations.length === 0;
    rows(byId('validations').tBodies[0], [...validations].reverse().map((v) => element('tr', {},
      element('td', { class: 'number' }, count(v.step)), element('td', { class: 'number' }, rounded(v.epoch, 2)),
      element('td', { class: 'number' }, rounded(v.loss, 4)),
      element('td', { class: 'number' }, `${percent(1 - v.top1)}${summary.best?.step === v.step ? ' (best)' : ''}`),
      element('td', { class: 'number' }, percent(1 - v.top5)))));
  }

  // Told of every change of the run that is shown.
  summary(summary) {
    text(byId('state-words'), summary.words);
    byId('evaluate').disabled = summary.checkpoint === null;
    const image = byId('filters-image');
    byId('filters').hidden = summary.filters === null;
    if (summary.filters !== null && summary.filters !== this.filters) {
      this.filters = summary.filters;
      image.src = runPath(summary.id, `/pictures/filters?v=${summary.filters}`);
      image.alt = `The filters of the first convolution of ${summary.name}, each a small picture of its weights`;
    }
    this.checkpoint = summary.checkpoint;
  }

  async plan(summary) {
    if (this.planOf === summary.id || summary.checkpoint === null) return;
    this.planOf = summary.id;
    try {
      const plan = await ask(runPath(summary.id, '/plan'));
      if (summary.id !== this.id) return;
      showPlan(plan);
      const where = { 'two-towers': '', 'data,towers': ' of each group' }[plan.placement];
      text(byId('filters-words'), where === undefined ? 'Each filter is scaled by itself.' : `Upper half: the first tower, on device 0${where}. `
        + `Lower half: the second, on device 1${where}. Each filter is scaled by itself.`);
    } catch (e) {
      this.planOf = null;
    }
  }

  async evaluate() {
    try {
      this.evaluation(await ask(runPath(this.id, '/evaluation'), { method: 'POST' }));
    } catch (e) {
      text(byId('evaluation-words'), e.message);
    }
  }

  clearEvaluation() {
    for (const id of ['confusion', 'mistakes', 'mistakes-list', 'evaluation-progress']) byId(id).hidden = true;
    text(byId('evaluation-words'), '');
  }

  async evaluation(status) {
    const working = status.stage === 'waiting' || status.stage === 'running';
    byId('evaluate').disabled = working || this.checkpoint === null;
    const progress = byId('evaluation-progress');
    progress.hidden = !working;
    progress.max = status.total || 1;
    progress.value = status.done;
    if (status.stage === 'none') {
      text(byId('evaluation-words'), 'Which classes are taken for which is computed from the last checkpoint and the images it is validated with, '
        + 'on the CPU, when you ask for it.');
    } else if (working) {
      text(byId('evaluation-words'), `The checkpoint of step ${count(status.step)} is being evaluated.`);
    } else if (status.stage === 'failed') {
      text(byId('evaluation-words'), status.problem);
    } else if (this.evaluated !== `${this.id} ${status.step}`) {
      const id = this.id;
      const { result } = await ask(runPath(id, '/evaluation'));
      if (id !== this.id || !result) return;
      this.evaluated = `${id} ${status.step}`;
      this.result(result, status.step);
    }
  }

  result(result, step) {
    text(byId('evaluation-words'), `Step ${count(step)}: top-1 error ${percent(1 - result.top1)} of ${count(result.images)} images, `
      + `loss ${rounded(result.loss, 4)}.`);
    const confusion = byId('confusion');
    confusion.replaceChildren(result.confusion ? matrix(result) : pairs(result.pairs));
    confusion.hidden = false;
    const some = result.mistakes.length > 0;
    byId('mistakes').hidden = !some;
    byId('mistakes-list').hidden = !some;
    if (some) {
      const image = byId('mistakes-image');
      image.src = runPath(this.id, `/pictures/mistakes?v=${step}`);
      image.alt = `${result.mistakes.length} images that the network was surest of and wrong about; the list below has them in words`;
      byId('mistakes-table').replaceChildren(element('thead', {}, element('tr', {}, ...['Is', 'Taken for', 'Probability'].map((name, i) =>
        element('th', { scope: 'col', class: i === 2 ? 'number' : '' }, name)))),
      element('tbody', {}, ...result.mistakes.map((mistake) => element('tr', {}, element('td', {}, mistake.is), element('td', {}, mistake.takenFor),
        element('td', { class: 'number' }, percent(mistake.probability))))));
    }
  }
}

function matrix({ confusion, classNames }) {
  const head = element('tr', {}, element('td'), ...classNames.map((name) => element('th', { scope: 'col' }, name)));
  const body = confusion.map((row, label) => {
    const images = row.reduce((a, b) => a + b, 0) || 1;
    return element('tr', {}, element('th', { scope: 'row' }, classNames[label]), ...row.map((n, given) => {
      const cell = element('td', {}, n === 0 ? '' : count(n));
      // the root: rare mistakes are to be seen beside what is mostly right
      cell.style.setProperty('--strength', Math.sqrt(n / images).toFixed(2));
      cell.style.setProperty('--of', label === given ? 'var(--good)' : 'var(--bad)');
      return cell;
    }));
  });
  return element('table', { class: 'confusion' },
    element('caption', { class: 'quiet' }, 'Rows: the class; columns: what it was taken for; numbers: images. The stronger the colour, the larger the share of the row.'),
    element('thead', {}, head), element('tbody', {}, ...body));
}

function pairs(all) {
  return element('table', {}, element('caption', { class: 'quiet' }, 'The pairs of classes that were confused most often.'),
    element('thead', {}, element('tr', {}, element('th', { scope: 'col' }, 'Is'), element('th', { scope: 'col' }, 'Taken for'), element('th', { scope: 'col', class: 'number' }, 'Images'))),
    element('tbody', {}, ...all.map((pair) => element('tr', {}, element('td', {}, pair.name), element('td', {}, pair.takenFor),
      element('td', { class: 'number' }, count(pair.images))))));
}
