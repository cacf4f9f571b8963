// The plan of a step: a column for each layer, in it a part for each device, between them what they exchange; and memory.
import { byId, bytes, count, element, percent, text } from './format.js';
import { styleColour } from './charts.js';

const MOST_COLUMNS = 48;
const WORDS = { 'one-device': 'one device', 'two-towers': 'two towers', halves: 'halves of the image', data: 'shares of the batch (data parallel)', hybrid: 'hybrid',
  'data,towers': 'groups of two towers (data parallel)', 'data,halves': 'groups of two halves of the image (data parallel)',
  'data,hybrid': 'groups of hybrids (data parallel)' };

const flop = (n) => (n >= 1e9 ? `${(n / 1e9).toFixed(2)} GFLOP` : n >= 1e6 ? `${(n / 1e6).toFixed(1)} MFLOP` : `${count(n)} FLOP`);
const work = (layer) => layer.forwardFlop + layer.backwardFlop + layer.updateFlop;
const parts = (layer) => layer.flopOfDevices ?? [work(layer)];
const deviceName = (device, index) => (device.name ? `Device ${index} (${device.name})` : `Device ${index}`);

export function showPlan(plan) {
  const total = plan.layers.reduce((sum, layer) => sum + work(layer), 0) || 1;
  const most = Math.max(1, ...plan.layers.flatMap(parts));
  const sorted = [...plan.layers].sort((a, b) => work(b) - work(a));
  const busiest = sorted.slice(0, 3).filter((layer) => work(layer) > 0);
  const exchanges = (layer) => layer.forwardBytesReceived + layer.backwardBytesReceived > 0;
  let shown = plan.layers.filter((layer) => work(layer) > total * 1e-3 || exchanges(layer));
  if (shown.length > MOST_COLUMNS) {
    const chosen = new Set(sorted.slice(0, MOST_COLUMNS));
    shown = shown.filter((layer) => chosen.has(layer));
  }
  text(byId('plan-words'), `${plan.assumed ? 'This run does not say how it was shared out; this is the plan that training has by default. ' : ''}`
    + `${plan.network} in ${WORDS[plan.placement] ?? plan.placement}, batch ${count(plan.batch)}. Busiest: `
    + `${busiest.map((layer) => `${layer.name} ${percent(work(layer) / total)}`).join(', ')} of the work of a step. `
    + `${plan.devices.length > 1 ? `From top to bottom device 0 to ${plan.devices.length - 1}. ` : ''}`
    + `The stronger the colour, the more a device has to do; arrows are bytes that each device receives, ↓ on the way forward, ↑ on the way back. `
    + `${count(shown.length)} of ${count(plan.layers.length)} layers are shown, the others do next to nothing${shown.length === MOST_COLUMNS ? ' or less' : ''}.`);
  byId('plan-layers').replaceChildren(...shown.map((layer) => column(layer, plan, most, total, busiest.includes(layer))));
  byId('plan-table').replaceChildren(...table(plan, total));
  byId('memory').replaceChildren(...plan.devices.map((device, i) => memory(device, i, plan)));
  byId('plan').hidden = false;
}

function column(layer, plan, most, total, busiest) {
  const item = element('li', { class: busiest ? 'busiest' : '', title: layer.where },
    element('span', { class: 'layer' }, `${busiest ? '★ ' : ''}${layer.name}`));
  parts(layer).forEach((own, device) => {
    const part = element('span', { class: 'part' }, element('span', { class: 'hidden' }, `${deviceName(plan.devices[device] ?? {}, device)}: `),
      own > 0 ? percent(own / total) : 'idle');
    part.style.setProperty('--share', `${Math.round((85 * own) / most)}%`);
    item.append(part);
    if (device === 0 && plan.devices.length > 1) { // between the first two, whatever their number: it is the same for all
      const received = [layer.forwardBytesReceived > 0 ? `↓ ${bytes(layer.forwardBytesReceived)}` : '',
        layer.backwardBytesReceived > 0 ? `↑ ${bytes(layer.backwardBytesReceived)}` : ''].filter(Boolean);
      item.append(element('span', { class: 'exchange' }, received.join('\n')));
    }
  });
  return item;
}

function table(plan, total) {
  const head = ['Layer', 'Output', 'Parameters', 'Forward', 'Backward', 'Share', 'Received forward', 'Received backward', 'Where'];
  const row = (cells, name) => element('tr', {}, ...cells.map((cell, i) => (name === 'th'
    ? element('th', { scope: 'col', class: i > 1 && i < 8 ? 'number' : '' }, cell)
    : i === 0 ? element('th', { scope: 'row' }, cell) : element('td', { class: i > 1 && i < 8 ? 'number' : '' }, cell))));
  const amount = (n, words) => (n > 0 ? words(n) : '');
  return [element('thead', {}, row(head, 'th')), element('tbody', {}, ...plan.layers.map((layer) => row([layer.name, layer.output.join(' × '),
    amount(layer.parameters, count), amount(layer.forwardFlop, flop), amount(layer.backwardFlop, flop), amount(work(layer) / total, percent),
    amount(layer.forwardBytesReceived, bytes), amount(layer.backwardBytesReceived, bytes), layer.where], 'td')))];
}

const ROLES = { parameter: 'parameters', momentum: 'momentum', constant: 'constants' };

function memory(device, index, plan) {
  const pieces = Object.entries(device.persistent).map(([role, size]) => [ROLES[role] ?? role, size]);
  const uses = Object.entries(device.transient).map(([use, size]) => `${use.replaceAll('-', ' ')} ${bytes(size)}`).join(', ');
  pieces.push(['maps, gradients and workspaces', device.transientBytes]);
  if (device.preparedBytes > 0) pieces.push(['prepared filters', device.preparedBytes]);
  const size = (d) => d.persistentBytes + d.transientBytes + d.preparedBytes;
  const largest = Math.max(...plan.devices.map(size));
  const whole = device.memoryBytes > 0 ? ` of ${bytes(device.memoryBytes)}` : '';
  const bar = element('div', { class: 'bar', 'aria-hidden': 'true' });
  const key = element('ul', { class: 'key' });
  pieces.forEach(([name, piece], i) => {
    const part = element('span');
    part.style.width = `${(100 * piece) / largest}%`;
    part.style.background = styleColour(i);
    bar.append(part);
    const swatch = element('span', { class: 'swatch', 'aria-hidden': 'true' });
    swatch.style.background = styleColour(i);
    key.append(element('li', {}, swatch, `${name} ${bytes(piece)}`));
  });
  return element('div', { class: 'memory' },
    element('h3', {}, `${deviceName(device, index)}: ${bytes(size(device))}${whole}`), bar, key,
    element('p', { class: 'small quiet' }, `${device.description ? `${device.description}. ` : ''}The maps, gradients and workspaces share memory; apart they would be ${uses}.`));
}
