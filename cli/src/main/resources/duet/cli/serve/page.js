// A picture goes to the network, the classes come back, and after them what the network saw.
const $ = id => document.getElementById(id);
const SEEN = ['filters', 'deconvolution', 'notes']; // sections
const FIRST_FILTERS = 8;
const MOST_RETRIES = 5;
const number = digits => new Intl.NumberFormat('en', {minimumSignificantDigits: digits, maximumSignificantDigits: digits});
const percent = new Intl.NumberFormat('en', {style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1});
const three = number(3);

let models = [];
let picture = null; // the file
let running = null; // aborts what is asked for an earlier picture
let address = null; // of the preview
let attempt = null; // what the button tries again

/** What a person is told; the message is a sentence. */
class Refusal extends Error {
  constructor(sentence, seconds) {
    super(sentence);
    this.seconds = seconds; // after these it may be asked again; else undefined
  }
}

function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made) {
      made[key] = value;
    } else {
      made.setAttribute(key, value);
    }
  }
  made.append(...children);
  return made;
}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (e) {
    if (e.name === 'AbortError') {
      throw e;
    }
    throw new Refusal(options.body
        ? 'The server did not take the picture: it may be too large, or the server may have ended.'
        : 'The server does not answer: it may have ended.');
  }
  let answer = null;
  try {
    answer = await response.json();
  } catch (e) {
    if (e.name === 'AbortError') {
      throw e;
    }
  }
  if (!response.ok) {
    const after = Number.parseFloat(response.headers.get('Retry-After') ?? '');
    throw new Refusal(sentence(answer?.error ?? `The server refuses with status ${response.status}.`),
        response.status === 429 ? (after >= 0 ? after : 1) : undefined);
  }
  if (answer === null) {
    throw new Refusal('The server’s answer ended too early.');
  }
  return answer;
}

function sentence(words) {
  const text = words.trim();
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');
}

/** Asks with the picture; while the server is busy, again and again. */
async function send(path, query, signal) {
  for (let retry = 0; ; retry++) {
    try {
      return await ask(`${path}?${new URLSearchParams(query)}`, {method: 'POST', body: picture, signal});
    } catch (e) {
      if (e.seconds === undefined || retry === MOST_RETRIES) {
        throw e;
      }
      say(`${e.message} Asking again in ${e.seconds} s.`);
      await pause(1000 * e.seconds, signal);
    }
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

function hide(...ids) {
  ids.forEach(id => $(id).hidden = true);
}

function say(words) {
  $('status').textContent = words;
}

function complain(words, again) {
  say('');
  $('error').textContent = words;
  attempt = again ?? null;
  $('again').hidden = attempt === null;
}

/** Runs for the newest picture only: what an earlier one still waits for is given up. */
async function exclusively(action) {
  running?.abort();
  const mine = new AbortController();
  running = mine;
  complain('');
  try {
    await action(mine.signal);
  } catch (e) {
    if (!mine.signal.aborted) {
      complain(e instanceof Refusal ? e.message : `This page has failed: ${e.message}`,
          e instanceof Refusal ? () => exclusively(action) : null);
    }
  } finally {
    if (running === mine) {
      running = null;
      document.querySelectorAll('.busy').forEach(each => each.classList.remove('busy'));
    }
  }
}

async function start() {
  const answer = await ask('models', {});
  models = answer.models;
  if (models.length === 0) {
    throw new Refusal('This server has no model.');
  }
  $('model').replaceChildren(...models.map(model => element('option', {value: model.name}, model.name)));
  $('model').disabled = false;
  $('file').disabled = false;
  describe();
}

const chosen = () => models.find(model => model.name === $('model').value);

function describe() {
  const model = chosen();
  const {channels, height, width} = model.input;
  $('about').textContent = [model.network, model.version && `version ${model.version}`, `${model.classes} classes`,
    `sees ${width} × ${height} pixels, ${channels === 1 ? 'grey' : channels === 3 ? 'colour' : channels + ' channels'}`,
    model.state === 'ready' ? '' : `state: ${model.state}`].filter(Boolean).join(', ');
}

/** A person has chosen, dropped or pasted something. */
function take(file) {
  if (models.length === 0) {
    return;
  }
  if (file.type !== '' && !file.type.startsWith('image/')) {
    complain(`${file.name || 'This'} is no picture: it is ${file.type}. JPEG, PNG, GIF and BMP files are taken.`);
    return;
  }
  if (file.size === 0) {
    complain(`${file.name || 'This file'} is empty, or a folder. JPEG, PNG, GIF and BMP files are taken.`);
    return;
  }
  picture = file;
  if (address !== null) {
    URL.revokeObjectURL(address);
  }
  address = URL.createObjectURL(file);
  hide('shown', 'classes', ...SEEN);
  $('preview').src = address;
  $('name').textContent = file.name || 'from the clipboard';
  exclusively(look);
}

async function look(signal) {
  const model = $('model').value;
  say('Asking the network …');
  ['classes', ...SEEN].forEach(id => $(id).classList.add('busy')); // what is there is another model's
  const answer = await send('predict', {model}, signal).catch(failed(signal, 'classes', ...SEEN));
  showClasses(answer.predictions);
  const best = answer.predictions[0];
  const found = best ? `Most probably ${best.name}, ${percent.format(best.probability)}.` : 'The network names no class.';
  say(`${found} Looking at what the network saw …`);
  const explanation = await send('explain', {model}, signal).catch(failed(signal, ...SEEN));
  showFilters(explanation.filters);
  showDeconvolution(explanation);
  showNotes(explanation.notes);
  say(found);
}

/** What is not the answer is not left there. */
const failed = (signal, ...ids) => failure => {
  if (!signal.aborted) {
    hide(...ids);
  }
  throw failure;
};

/** The same picture, another layer. */
async function lookDeeper(signal) {
  say('Projecting back …');
  $('deconvolution').classList.add('busy');
  const layer = $('layer').value;
  const explanation = await send('explain', {model: $('model').value, layer}, signal);
  showDeconvolution(explanation, layer);
  showNotes(explanation.notes);
  say(explanation.deconvolution ? `Feature ${explanation.deconvolution.feature} of ${layer} is the strongest.` : '');
}

function showClasses(predictions) {
  $('predictions').replaceChildren(...predictions.slice(0, 5).map(each =>
      element('tr', {}, element('th', {scope: 'row'}, each.name), element('td', {}, measure(each.probability)))));
  $('classes').hidden = false;
  $('classes').classList.remove('busy');
}

/** A share as a bar and in numbers. */
function measure(share) {
  const bar = element('div', {className: 'bar'});
  bar.style.width = `${100 * share}%`;
  return element('div', {className: 'measure'}, element('div', {className: 'track'}, bar), element('span', {}, percent.format(share)));
}

function showNotes(notes) {
  $('notes').replaceChildren(...notes.map(note => element('p', {className: 'quiet'}, note)));
  $('notes').hidden = notes.length === 0;
  $('notes').classList.remove('busy');
}

function showFilters(filters) {
  $('filters').hidden = filters === null;
  if (filters === null) {
    return;
  }
  const through = filters.shown === filters.layer ? '' : ` through ${filters.shown}`;
  $('filters-words').textContent = `The ${filters.kernel} × ${filters.kernel} filters of ${filters.layer}, and beside each what it made of `
      + `the picture${through}: ${filters.width} × ${filters.height} values, black is 0, white ${three.format(filters.white)}`
      + `${filters.shown === filters.layer ? ', blue below 0' : ''}. The filters with the highest values come first.`;
  $('towers').replaceChildren(...filters.towers.map(tower => showTower(tower, filters.towers.length)));
  $('filters').classList.remove('busy');
}

function showTower(tower, towers) {
  const title = towers === 1 ? `All ${tower.filters.length} filters` : `Tower ${tower.tower}`;
  const words = towers === 1 ? '' : `${tower.filters.length} filters; share of all that fired:`;
  const list = element('ul', {className: 'tiles'}, ...tower.filters.slice(0, FIRST_FILTERS).map(showFilter));
  const block = element('div', {className: 'tower'},
      element('h3', {}, title, ' ', element('span', {className: 'quiet'}, words)), ...(towers === 1 ? [] : [measure(tower.share)]), list);
  const rest = tower.filters.slice(FIRST_FILTERS);
  if (rest.length > 0) {
    const of = towers === 1 ? '' : ` of tower ${tower.tower}`;
    const more = element('button', {type: 'button'}, `Show ${rest.length} more filters${of}`);
    more.addEventListener('click', () => {
      const added = rest.map(showFilter);
      list.append(...added);
      more.remove();
      added[0].tabIndex = -1; // the button had the focus
      added[0].focus();
    });
    block.append(more);
  }
  return block;
}

function showFilter(filter) {
  return element('li', {},
      element('div', {className: 'pair'},
          element('img', {className: 'pixels', src: filter.picture, alt: `filter ${filter.filter}`}),
          element('img', {className: 'pixels map', src: filter.map, alt: `where filter ${filter.filter} fired`})),
      element('p', {}, element('strong', {}, `filter ${filter.filter}`), element('br'), `highest ${three.format(filter.highest)}`,
          element('br'), `mean ${three.format(filter.mean)}`, element('br'), `fires in ${percent.format(filter.fired)}`));
}

function showDeconvolution(explanation, asked) {
  const found = explanation.deconvolution;
  $('deconvolution').hidden = found === null && asked === undefined;
  $('deconvolution').classList.remove('busy');
  if (found === null) {
    $('deconvolution-words').textContent = '';
    $('projections').replaceChildren();
    return;
  }
  if ($('layer').options.length !== found.layers.length || [...$('layer').options].some((each, i) => each.value !== found.layers[i])) {
    $('layer').replaceChildren(...found.layers.map(layer => element('option', {value: layer}, layer)));
  }
  $('layer').value = found.layer;
  const {top, left, height, width} = found.field;
  const all = found.part === found.projection;
  $('deconvolution-words').textContent = `Feature ${found.feature} of ${found.layer} has the highest value, ${three.format(found.value)}, at `
      + `row ${found.y} and column ${found.x}. There it sees ${all ? 'the whole picture' : `the ${width} × ${height} pixels in the frame`}. `
      + 'What of it excites the feature is projected back to the pixels: grey is nothing, black and white the most.';
  const seen = element('img', {className: 'pixels', src: explanation.seen, alt: 'what the network saw of the picture'});
  const frame = element('div', {className: 'frame', 'aria-hidden': 'true'});
  seen.addEventListener('load', () => {
    const across = 100 / seen.naturalWidth;
    const down = 100 / seen.naturalHeight;
    Object.assign(frame.style, {left: `${across * left}%`, top: `${down * top}%`, width: `${across * width}%`, height: `${down * height}%`});
  });
  const figures = [
    element('figure', {}, element('div', {className: 'framed'}, seen, frame), element('figcaption', {}, 'What the network saw')),
    figure(found.projection, `feature ${found.feature} projected back to the picture`, 'The feature, projected back')];
  if (!all) {
    figures.push(figure(found.original, `the part of the picture that feature ${found.feature} sees`, 'What the feature sees'),
        figure(found.part, 'the same part of the projection', 'What of it excites the feature'));
  }
  $('projections').replaceChildren(...figures);
}

const figure = (src, alt, caption) => element('figure', {}, element('img', {className: 'pixels', src, alt}),
    element('figcaption', {}, caption));

$('preview').addEventListener('load', () => {
  $('preview').classList.toggle('tiny', $('preview').naturalWidth < 224);
  $('preview').alt = `the picture ${$('name').textContent}`;
  $('shown').hidden = false;
});
$('preview').addEventListener('error', () => $('shown').hidden = true); // a browser need not know what the server can read
$('file').addEventListener('change', () => {
  const file = $('file').files[0];
  if (file) {
    take(file);
    $('file').value = ''; // so that the same file can be chosen again
  }
});
$('model').addEventListener('change', () => {
  describe();
  if (picture !== null) {
    exclusively(look);
  }
});
$('layer').addEventListener('change', () => exclusively(lookDeeper));
$('again').addEventListener('click', () => {
  $('file').focus(); // the button goes
  attempt?.();
});

const hasFiles = event => [...event.dataTransfer.types].includes('Files');
let depth = 0; // dragging from one element to another leaves the one after it has entered the other
document.addEventListener('dragenter', event => {
  depth += 1;
  document.body.classList.toggle('over', hasFiles(event));
});
document.addEventListener('dragleave', () => {
  depth -= 1;
  document.body.classList.toggle('over', depth > 0);
});
document.addEventListener('dragover', event => event.preventDefault());
document.addEventListener('drop', event => {
  event.preventDefault();
  depth = 0;
  document.body.classList.remove('over');
  taken(event.dataTransfer.files, 'What was dropped is no file: save the picture first, then drop the file.');
});
document.addEventListener('paste', event => {
  taken(event.clipboardData.files, 'There is no picture on the clipboard.');
});

function taken(files, otherwise) {
  if (files.length === 0) {
    complain(otherwise);
  } else {
    take(files[0]);
  }
}

exclusively(start);
