// Numbers as people read them, and elements.
const english = (digits) => new Intl.NumberFormat('en', { maximumFractionDigits: digits });
const WHOLE = english(0);

export const count = (n) => WHOLE.format(n);
export const rounded = (n, digits) => (Number.isFinite(n) ? n.toFixed(digits) : '');
export const percent = (share) => (Number.isFinite(share) ? `${(100 * share).toFixed(2)}\u00a0%` : '');
export const significant = (n) => (Number.isFinite(n) ? String(Number(n.toPrecision(3))) : '');
export const noun = (n, word) => `${count(n)} ${word}${n === 1 ? '' : 's'}`;

export function bytes(n) {
  let value = n;
  for (const unit of ['bytes', 'KiB', 'MiB']) {
    if (value < 1024) return `${value < 10 && unit !== 'bytes' ? value.toFixed(1) : Math.round(value)}\u00a0${unit}`;
    value /= 1024;
  }
  return `${value.toFixed(value < 10 ? 2 : 1)}\u00a0GiB`;
}

export function duration(seconds) {
  if (!Number.isFinite(seconds)) return '';
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor(whole / 60) % 60).padStart(2, '0')} min`;
}

// An element with attributes and children; texts are texts, never HTML.
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? '' : value);
  }
  made.append(...children.map((child) => (child instanceof Node ? child : String(child))));
  return made;
}

export const byId = (id) => document.getElementById(id);

// Leaves what is there as it is, so that neither a selection nor a screen reader is disturbed.
export function text(node, value) {
  if (node.textContent !== value) node.textContent = value;
}

// Puts rows into a table's body, where those that are there already stay.
export function rows(body, made) {
  made.forEach((row, i) => {
    const there = body.children[i];
    if (there?.textContent !== row.textContent) body.insertBefore(row, there ?? null);
  });
  while (body.children.length > made.length) body.lastChild.remove();
}

export async function ask(path, options) {
  const answer = await fetch(path, options);
  const value = await answer.json();
  if (!answer.ok) throw new Error(value.error);
  return value;
}

export const runPath = (id, rest = '') => `api/runs/${encodeURIComponent(id)}${rest}`;
