// The curves of the runs that are compared, in four charts with one range of steps or epochs.
import { byId, count, element, rounded, significant, text } from './format.js';

const LIGHT = ['#0b57d0', '#c4452d', '#146c2e', '#7b3fb5', '#9a6700', '#00696d', '#a8326f', '#4d5562'];
const DARK = ['#8ab4f8', '#f28b82', '#81c995', '#c58af9', '#fdd663', '#78d9ec', '#ff8bcb', '#b0b7c3'];
const HEIGHT = 260;
const FEW = 30; // points that are not smoothed

const CHARTS = [
  { id: 'loss', title: 'Loss', unit: 'nats', training: (c, i) => c.loss[i], validation: (v) => v.loss, show: (v) => rounded(v, 4), smooth: true },
  { id: 'error', title: 'Top-1 error', unit: '%', training: (c, i) => 100 * (1 - c.top1[i]), validation: (v) => 100 * (1 - v.top1),
    show: (v) => `${rounded(v, 2)} %`, smooth: true },
  { id: 'rate', title: 'Learning rate', unit: '', training: (c, i) => c.rate[i], show: significant },
  { id: 'speed', title: 'Throughput', unit: 'images/s', training: (c, i) => c.speed[i], show: (v) => `${count(v)} images/s` },
];

const dark = matchMedia('(prefers-color-scheme: dark)');
// For style sheets, which follow the scheme by themselves.
export const styleColour = (index) => `light-dark(${LIGHT[index % LIGHT.length]}, ${DARK[index % DARK.length]})`;
const colour = (index) => (dark.matches ? DARK : LIGHT)[index % LIGHT.length];

// Weighs the latest values most; at the beginning only those that there are.
function smoothed(values, weight) {
  let sum = 0;
  let weights = 0;
  return values.map((value) => {
    if (value === null) return null;
    sum = weight * sum + (1 - weight) * value;
    weights = weight * weights + (1 - weight);
    return sum / weights;
  });
}

export class Charts {
  // runs: a function that gives {id, name, index, series} of those to be drawn; zoomed: told of the steps that are seen now
  constructor(root, runs, zoomed) {
    this.runs = runs;
    this.zoomed = zoomed;
    this.range = null; // null: all
    this.against = 'step';
    this.smoothing = 0.9;
    this.logarithmic = false;
    this.pending = false;
    this.figures = CHARTS.map((chart) => {
      const plot = element('div', { class: 'plot', tabindex: 0, role: 'group', 'aria-roledescription': 'chart',
        'aria-labelledby': `${chart.id}-title`, 'aria-describedby': `${chart.id}-words` });
      const words = element('p', { class: 'words', id: `${chart.id}-words` });
      root.append(element('figure', { class: 'chart', id: `chart-${chart.id}` },
        element('h3', { id: `${chart.id}-title` }, chart.unit ? `${chart.title}, ${chart.unit}` : chart.title), plot, words));
      plot.addEventListener('keydown', (event) => this.key(event));
      return { chart, plot, words, uplot: null, shape: '' };
    });
    dark.addEventListener('change', () => this.rebuild());
    new ResizeObserver(() => this.resize()).observe(root);
  }

  key(event) {
    const moves = { '+': () => this.zoom(0.5), '=': () => this.zoom(0.5), '-': () => this.zoom(2), ArrowLeft: () => this.move(-0.25),
      ArrowRight: () => this.move(0.25), 0: () => this.all(), Home: () => this.all() };
    if (moves[event.key] && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      moves[event.key]();
    }
  }

  extent() {
    let last = 0;
    for (const run of this.runs()) {
      const steps = run.series.training.step;
      const end = Math.max(steps.length ? steps[steps.length - 1] : 0, ...run.series.validations.map((v) => v.step), run.series.end ?? 0);
      last = Math.max(last, this.x(run, end));
    }
    return [0, last || 1];
  }

  x(run, step) {
    return this.against === 'step' ? step : step * run.series.epochsOfAStep;
  }

  zoom(factor) {
    const [low, high] = this.range ?? this.extent();
    const half = ((high - low) * factor) / 2;
    this.show((low + high) / 2 - half, (low + high) / 2 + half);
  }

  move(share) {
    if (!this.range) return;
    const [low, high] = this.range;
    const [first, last] = this.extent();
    const by = Math.max(first - low, Math.min(last - high, share * (high - low)));
    this.show(low + by, high + by);
  }

  all() {
    this.show(-Infinity, Infinity);
  }

  show(low, high) {
    const [first, last] = this.extent();
    const whole = low <= first && high >= last;
    const least = (last - first) / 1e5;
    this.range = whole ? null : [Math.max(first, low), Math.max(Math.max(first, low) + least, Math.min(last, high))];
    this.sayRange();
    this.update();
    this.zoomed(this.range);
  }

  sayRange() {
    text(byId('range'), this.range ? `${this.against === 'step' ? 'Steps' : 'Epochs'} ${this.number(this.range[0])} to ${this.number(this.range[1])}`
      : `All ${this.against}s`);
  }

  number(value) {
    return this.against === 'step' ? count(Math.round(value)) : rounded(value, 2);
  }

  set(name, value) {
    if (name === 'against') this.range = null;
    this[name] = value;
    this.sayRange();
    this.rebuild();
    if (name === 'against') this.zoomed(null);
  }

  rebuild() {
    for (const figure of this.figures) figure.shape = '';
    this.update();
  }

  // At most once a frame.
  update() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      const runs = this.runs();
      for (const figure of this.figures) this.draw(figure, runs);
    });
  }

  draw(figure, runs) {
    const { chart } = figure;
    const tables = [];
    const series = [{ label: this.against }];
    for (const run of runs) this.curves(run, chart, tables, series);
    this.describe(figure, runs);
    const data = tables.length ? uPlot.join(tables.map(([x, y]) => [x, y])) : [[]];
    const shape = JSON.stringify([series.map((s) => s.label + s.stroke), this.logarithmic]);
    if (figure.shape !== shape) {
      figure.uplot?.destroy();
      figure.shape = shape;
      figure.uplot = new uPlot(this.options(figure, series), data, figure.plot);
    } else {
      figure.uplot.setData(data, false);
    }
    const [low, high] = this.range ?? this.extent();
    figure.quiet = true; // not asked for by a hand
    figure.uplot.setScale('x', { min: low, max: high });
    queueMicrotask(() => { figure.quiet = false; });
  }

  curves(run, chart, tables, series) {
    const positive = (v) => (Number.isFinite(v) && (v > 0 || chart.id !== 'loss' || !this.logarithmic) ? v : null);
    const training = run.series.training;
    const x = training.step.map((step) => this.x(run, step));
    const y = training.step.map((_, i) => positive(chart.training(training, i)));
    const stroke = colour(run.index);
    const smooth = chart.smooth && this.smoothing > 0 && y.length > FEW;
    const value = (_, v) => (v === null || v === undefined ? '' : chart.show(v));
    const many = this.runs().length > 1;
    const name = (what) => (many ? `${run.name} ${what}` : what);
    if (smooth) {
      tables.push([x, y]);
      series.push({ label: `${name('as measured')}`, class: 'raw', stroke: `${stroke}55`, width: 1, spanGaps: true, points: { show: false } });
    }
    tables.push([x, smooth ? smoothed(y, this.smoothing) : y]);
    series.push({ label: name('training'), stroke, width: 1.5, spanGaps: true, value, points: { show: y.length === 1 } });
    if (chart.validation) {
      tables.push([run.series.validations.map((v) => this.x(run, v.step)), run.series.validations.map((v) => positive(chart.validation(v)))]);
      series.push({ label: name('validation'), stroke, width: 2.5, dash: [7, 4], spanGaps: true, value, points: { show: true, size: 7, fill: stroke } });
    }
  }

  options(figure, series) {
    const style = getComputedStyle(document.documentElement);
    const probe = document.body;
    const ink = getComputedStyle(probe).color;
    const line = dark.matches ? '#353a43' : '#e3e0d9';
    const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line }, font: `12px ${style.fontFamily}` };
    const logarithmic = figure.chart.id === 'loss' && this.logarithmic;
    return {
      width: Math.max(200, figure.plot.clientWidth),
      height: HEIGHT,
      series,
      scales: { x: { time: false }, y: logarithmic ? { distr: 3 } : { range: (_, low, high) => this.yRange(figure.chart, low, high) } },
      axes: [{ ...axis }, { ...axis, size: 56, values: (_, values) => values.map((v) => (v === null ? '' : this.tick(v))) }],
      cursor: { sync: { key: 'watch', setSeries: false }, drag: { x: true, y: false }, points: { size: 6 },
        bind: { dblclick: () => () => this.all() } }, // uPlot's own would begin at the first point
      hooks: {
        setScale: [(u, key) => {
          if (key === 'x' && !figure.quiet && figure.uplot === u) this.show(u.scales.x.min, u.scales.x.max);
        }],
        draw: [(u) => this.marks(u)],
      },
    };
  }

  yRange(chart, low, high) {
    if (low === null || high === null) return [0, 1];
    const room = (high - low || Math.abs(high) || 1) * 0.06;
    const least = chart.id === 'speed' ? 0 : low >= 0 && low - room < 0 ? 0 : low - room;
    return [least, high + room];
  }

  tick(v) {
    return Math.abs(v) >= 1000 ? count(v) : String(Number(v.toPrecision(3)));
  }

  // A line where rates have changed, with the number that it has in the table of events.
  marks(u) {
    const { ctx, bbox } = u;
    ctx.save();
    for (const run of this.runs()) {
      run.series.changes.forEach((change, i) => {
        const value = this.x(run, change.step - 1);
        if (value < u.scales.x.min || value > u.scales.x.max) return;
        const x = u.valToPos(value, 'x', true);
        ctx.strokeStyle = colour(run.index);
        ctx.fillStyle = colour(run.index);
        ctx.lineWidth = devicePixelRatio;
        ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
        ctx.beginPath();
        ctx.moveTo(x, bbox.top);
        ctx.lineTo(x, bbox.top + bbox.height);
        ctx.stroke();
        ctx.font = `bold ${11 * devicePixelRatio}px sans-serif`;
        ctx.textAlign = 'left';
        ctx.textBaseline = 'top';
        ctx.fillText(String(i + 1), x + 3 * devicePixelRatio, bbox.top);
      });
    }
    ctx.restore();
  }

  // The chart in words, for those who do not see it.
  describe(figure, runs) {
    const { chart } = figure;
    const sentences = runs.map((run) => {
      const { training, validations } = run.series;
      const last = training.step.length - 1;
      const parts = last < 0 ? ['no step yet'] : [`${chart.validation ? 'training ' : ''}${chart.show(chart.training(training, last))} at step ${count(training.step[last])}`];
      if (chart.validation && validations.length) {
        const values = validations.map(chart.validation);
        const best = values.indexOf(Math.min(...values));
        parts.push(`validation ${chart.show(values[values.length - 1])}, lowest ${chart.show(values[best])} at step ${count(validations[best].step)}`);
      }
      return `${run.name}: ${parts.join('; ')}.`;
    });
    text(figure.words, sentences.join(' ') || 'No run is chosen.');
  }

  resize() {
    for (const figure of this.figures) {
      if (figure.uplot && figure.plot.clientWidth > 0 && figure.plot.clientWidth !== figure.uplot.width) {
        figure.uplot.setSize({ width: figure.plot.clientWidth, height: HEIGHT });
      }
    }
  }
}
