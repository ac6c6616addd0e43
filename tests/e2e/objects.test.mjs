// objects.test.mjs - an object of one's own with a field of every kind, made at run time: listed, edited, filtered, boarded,
// charted, on a calendar and a map, imported and exported. No screen knows any of it beforehand.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { api, e2e, look, serve, step, until, visit } from './server.mjs';

serve();

const grid = () => e2e.page.getByRole('grid');
const sidebar = (name) => e2e.page.getByRole('navigation', { name: 'Main navigation' }).getByRole('link', { name, exact: true });
const must = async (method, address, body) => { const r = await api(method, address, body); assert.ok(r.status < 300, `${method} ${address} ${JSON.stringify(body)}: ${JSON.stringify(r.body)}`); return r.body; };
const boats = async (where) => (await api('GET', '/x_boats?limit=200&where=' + encodeURIComponent(where))).body.items;

// every kind there is: [kind, label, more of its definition, a value as sent, how the list shows it]
const FIELDS = [
  ['text', 'Name', { required: true }, 'Argo', 'Argo'],
  ['long_text', 'Story', {}, 'Sailed to Colchis.', 'Sailed to Colchis.'],
  ['rich_text', 'Letter', {}, '<p>Golden <b>fleece</b></p>', 'Golden fleece'],
  ['integer', 'Oars', { min: 0, max: 200 }, 50, '50'],
  ['decimal', 'Length', { scale: 1 }, 27.5, '27.5'],
  ['money', 'Price', {}, { amount: '1234.50', currency: 'EUR' }, '€1,234.50'],
  ['percent', 'Worn', { scale: 1 }, 12.5, '12.5 %'],
  ['yes_no', 'Afloat', {}, true, 'Yes'],
  ['date', 'Launched', {}, '2026-11-20', 'Nov 20, 2026'],
  ['instant', 'Sails at', {}, '2026-11-21T08:30:00Z', 'Nov 21, 2026'],
  ['duration', 'Voyage', {}, 5400, '1'],
  ['choice', 'State', { choices: [{ code: 'yard', label: 'In the yard' }, { code: 'sea', label: 'At sea' }] }, 'sea', 'At sea'],
  ['choices', 'Flags', { choices: [{ code: 'red', label: 'Red' }, { code: 'blue', label: 'Blue' }] }, ['red', 'blue'], 'Red'],
  ['tags', 'Marks', {}, ['fast'], 'fast'],
  ['reference', 'Captain', { target: 'contact', inverse: 'x_commands' }, null, null],
  ['many', 'Crew', { target: 'contact' }, null, null],
  ['any_reference', 'About', {}, null, null],
  ['emails', 'Mail', {}, [{ address: 'argo@sea.example' }], 'argo@sea.example'],
  ['phones', 'Radio', {}, [{ number: '+49 30 5550001' }], '5550001'],
  ['addresses', 'Berths', {}, [{ street: 'Pier 1', city: 'Kiel', country: 'DE' }], 'Kiel'],
  ['urls', 'Pages', {}, [{ url: 'https://argo.example/' }], 'argo.example'],
  ['file', 'Papers', {}, null, null],
  ['place', 'Mooring', {}, { lat: 54.32, lng: 10.14 }, '54.3200, 10.1400'],
  ['auto_number', 'Number', { pattern: 'B-{0000}' }, undefined, 'B-0001'],
  ['formula', 'Twice', { expr: 'x_oars * 2', result: 'integer' }, undefined, '100'],
  ['rollup', 'Journeys', { expr: 'count(x_trips)', result: 'integer' }, undefined, '2'],
  ['json', 'Raw', {}, { mast: 'oak' }, null],
];
const name = (label) => 'x_' + label.toLowerCase().replaceAll(' ', '_');
let argo, people;

step('made at run time: an object, a field of every kind, and another object that refers to it', async () => {
  const { page } = e2e;
  await must('POST', '/objects', { name: 'x_boat', plural: 'x_boats', label: 'Boat', label_plural: 'Boats', title_field: 'x_name' });
  await must('POST', '/objects', { name: 'x_trip', plural: 'x_trips', label: 'Trip', label_plural: 'Trips', title_field: 'x_title' });
  await must('POST', '/fields', { entity: 'x_boat', name: 'x_name', label: 'Name', kind: 'text', required: true });
  await must('POST', '/fields', { entity: 'x_trip', name: 'x_title', label: 'Title', kind: 'text' });
  await must('POST', '/fields', { entity: 'x_trip', name: 'x_boat', label: 'Boat', kind: 'reference', target: 'x_boat', inverse: 'x_trips' });
  for (const [kind, label, more] of FIELDS.slice(1)) await must('POST', '/fields', { entity: 'x_boat', name: name(label), label, kind, ...more });
  // none is left out: whatever kinds the server knows, the model has them now
  const meta = (await api('GET', '/meta')).body.entities.find((e) => e.name === 'x_boat');
  const known = new Set(readFileSync(new URL('../../src/model/field.c', import.meta.url), 'utf8').matchAll(/\[KIND_\w+\] = "(\w+)"/g).map((m) => m[1]));
  const made = new Set(meta.fields.filter((f) => f.custom).map((f) => f.kind));
  assert.deepEqual([...known].filter((k) => !made.has(k) && !['none', 'person_name'].includes(k)), []);
  people = (await api('GET', '/contacts?limit=3&fields=id,name')).body.items;
  const values = Object.fromEntries(FIELDS.filter(([, , , v]) => v !== null && v !== undefined).map(([, label, , v]) => [name(label), v]));
  argo = await must('POST', '/x_boats', { ...values, x_captain: people[0].id, x_crew: [people[1].id, people[2].id], x_about: { entity: 'contact', id: people[1].id } });
  for (const x of ['Colchis', 'Home']) await must('POST', '/x_trips', { x_title: x, x_boat: argo.id });
  for (let i = 1; i < 12; i++) await must('POST', '/x_boats', { x_name: `Boat ${i}`, x_oars: i, x_state: i % 3 ? 'yard' : 'sea', x_price: { amount: String(100 * i), currency: 'EUR' }, x_launched: '2026-11-' + String(i + 1).padStart(2, '0'), x_mooring: { lat: 40 + i, lng: 5 + i } });
  await page.reload();
});

step('listed: every column with its value', async () => {
  const { page } = e2e;
  const shown = FIELDS.filter(([kind]) => kind !== 'json');
  for (let i = 0; i < shown.length; i += 8) {
    const part = shown.slice(i, i + 8);
    await visit(`/e/x_boats?sort=x_name&cols=${['x_name', ...part.map(([, label]) => name(label))].join(',')}`);
    const row = grid().getByRole('row').filter({ has: page.getByRole('link', { name: 'Argo', exact: true }) });
    await row.waitFor();
    const heads = await grid().getByRole('columnheader').allInnerTexts();
    const text = (await row.innerText()).replaceAll(/\s+/g, ' ');
    for (const [kind, label, , , want] of part) {
      assert.ok(heads.some((h) => h.includes(label)), `${label} among ${heads}`);
      const expected = kind === 'reference' ? people[0].name : kind === 'many' ? people[1].name : kind === 'any_reference' ? people[1].name : want;
      if (expected) assert.ok(text.replaceAll(' ', '').includes(expected.replaceAll(' ', '')), `${label}: ${expected} in ${text}`);
    }
  }
  await look('own-list');
});

step('edited: in the list, and each kind of value on the page of the record', async () => {
  const { page } = e2e;
  await visit('/e/x_boats?sort=x_name&cols=x_name,x_oars,x_state');
  const row = grid().getByRole('row').filter({ has: page.getByRole('link', { name: 'Boat 1', exact: true }) });
  await row.getByRole('gridcell').filter({ hasText: 'In the yard' }).click();
  await page.getByRole('option', { name: 'At sea' }).click();
  await until(async () => (await boats("x_name = 'Boat 1'"))[0].x_state === 'sea');
  await visit(`/e/x_boats/${argo.id}`, { afresh: true });
  await page.getByRole('heading', { name: 'Argo', level: 1 }).waitFor();
  const empty = page.getByRole('button', { name: /Show \d+ empty/ });
  if (await empty.count()) await empty.click();
  const save = async () => { await page.getByRole('button', { name: 'Save', exact: true }).click(); await page.getByRole('button', { name: 'Save', exact: true }).waitFor({ state: 'detached' }); };
  const edit = async (label, work) => { await page.getByRole('button', { name: 'Edit ' + label, exact: true }).click(); await work(); await save(); };
  const fill = (label, value) => edit(label, () => page.getByLabel(label, { exact: true }).fill(value));
  const pick = (label, option) => edit(label, async () => { await page.getByRole('combobox', { name: label }).click(); await page.getByRole('option', { name: option }).click(); });
  await fill('Story', 'Came back.');
  await fill('Oars', '52');
  await fill('Length', '28.5');
  await fill('Price', '2000.25');
  await fill('Worn', '13');
  await fill('Launched', '2026-11-22');
  await pick('State', 'In the yard');
  await pick('Afloat', 'No');
  await edit('Captain', async () => { await page.getByRole('combobox', { name: 'Captain' }).fill(people[2].name); await page.getByRole('option', { name: people[2].name }).first().click(); });
  await edit('Mail', () => page.getByLabel('Mail', { exact: true }).or(page.getByLabel('Mail 1', { exact: true })).first().fill('new@sea.example'));
  const now = (await api('GET', `/x_boats/${argo.id}`)).body;
  assert.deepEqual([now.x_story, now.x_oars, Number(now.x_length), now.x_price.amount, Number(now.x_worn), now.x_launched, now.x_state, now.x_afloat, now.x_captain.id, now.x_mail[0].address, now.x_twice],
    ['Came back.', 52, 28.5, '2000.25', 13, '2026-11-22', 'yard', false, people[2].id, 'new@sea.example', 104]);
  // what refers to it stands beside it
  await page.getByText('Trips').first().waitFor();
  await look('own-record');
});

step('filtered: as chips, and by any kind in the expression', async () => {
  const { page } = e2e;
  await visit('/e/x_boats');
  await grid().getByRole('row').nth(1).waitFor();
  await page.getByRole('button', { name: '+ Filter' }).click();
  await page.getByRole('combobox', { name: 'Add a filter' }).and(page.locator(':focus')).waitFor();
  await page.keyboard.type('state at sea');
  await page.keyboard.press('Enter');
  const n = (await boats("x_state = 'sea'")).length;
  await page.getByTestId('total').getByText(String(n), { exact: true }).waitFor();
  for (const where of ["x_story contains 'back'", 'x_oars > 50', 'x_length > 28', 'x_price > 1500', 'x_worn = 13', 'x_afloat = false', 'x_launched = 2026-11-22', "x_flags has any ('red')", "x_marks has any ('fast')", `x_captain = ${people[2].id}`, "x_mail has ('new@sea.example')", 'x_mooring is not empty and x_oars = 52', "x_number = 'B-0001'", 'x_twice = 104', 'x_journeys = 2', 'x_voyage > 1h', "distance(x_mooring, 54.3, 10.1) < 10"]) {
    await visit(`/e/x_boats?where=${encodeURIComponent(where)}`);
    await page.getByTestId('total').getByText('1', { exact: true }).waitFor();
    await grid().getByRole('link', { name: 'Argo', exact: true }).waitFor();
  }
});

step('boarded, charted, on a calendar, on a map, on a dashboard', async () => {
  const { page } = e2e;
  const kind = (k) => page.getByRole('radiogroup', { name: 'How to look at it' }).getByText(k, { exact: true }).click();
  await sidebar('Boats').click();
  await grid().getByRole('row').nth(1).waitFor();
  await kind('Board');
  const card = (col) => page.getByRole('list', { name: col }).getByRole('listitem').filter({ hasText: 'Argo' });
  await card('In the yard').dragTo(page.locator('[data-col="sea"]'));
  await card('At sea').waitFor();
  await until(async () => (await api('GET', `/x_boats/${argo.id}`)).body.x_state === 'sea');
  await look('own-board');
  await kind('Chart');
  await page.getByLabel('Measure').selectOption('sum(x_price)');
  await page.locator('[data-chart=bar] .recharts-bar-rectangle').first().waitFor();
  await page.getByRole('radiogroup', { name: 'Kind of chart' }).getByText('Funnel').click();
  const sums = (await api('GET', '/x_boats/aggregate?group=x_state&measure=' + encodeURIComponent('sum(x_price) as s'))).body.rows;
  const sea = Number(sums.find((r) => r.x_state === 'sea').s.amount);
  await page.locator('[data-chart=funnel] li').filter({ hasText: 'At sea' }).getByText(new Intl.NumberFormat('en', { minimumFractionDigits: 2 }).format(sea)).waitFor();
  await visit('/e/x_boats?kind=calendar&date=x_launched&at=2026-11-15');
  await page.locator('[data-day="2026-11-22"]').getByText('Argo').waitFor();
  await visit('/e/x_boats?kind=map');
  await page.locator('.mapspot').first().waitFor();
  assert.equal((await page.locator('.mapspot').evaluateAll((all) => all.map((x) => Number(x.dataset.n)))).reduce((a, b) => a + b), 12);
  const d = await must('POST', '/dashboards', { name: 'Fleet', tiles: [{ id: 'a', kind: 'number', title: 'Worth', entity: 'x_boat', measure: 'sum(x_price)', w: 4, h: 2 }, { id: 'b', kind: 'chart', title: 'States', entity: 'x_boat', group: 'x_state', across: 'x_launched:month', chart: 'heat', w: 8, h: 5 }] });
  await visit(`/dashboards/${d.id}`);
  await page.getByRole('region', { name: 'States', exact: true }).locator('[data-chart=heat] td a').first().waitFor();
});

step('imported and exported: what goes out comes back in', async () => {
  const { page } = e2e;
  await visit(`/e/x_boats?sort=x_name&cols=${FIELDS.filter(([k]) => !['json', 'file', 'rollup', 'formula', 'auto_number', 'any_reference'].includes(k)).map(([, label]) => name(label)).join(',')}`);
  await grid().getByRole('row').nth(1).waitFor();
  await page.getByRole('button', { name: 'More', exact: true }).click();
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name: 'Export as CSV' }).click()]);
  const csv = readFileSync(await download.path(), 'utf8');
  const [head, first] = csv.split('\n');
  assert.match(head, /^id,x_name,/);
  assert.match(first, /Argo/);
  // all of it as new boats: without their numbers, with other names
  const rows = csv.trim().split('\n');
  const file = path.join(e2e.dir, 'boats.csv');
  writeFileSync(file, rows.map((r, i) => r.replace(/^[^,]*,/, '').replace(/^(Argo|Boat)/, i ? 'Copy of $1' : '$1')).join('\n') + '\n');
  await visit('/e/x_boats/import');
  await page.getByLabel('Choose a file').setInputFiles(file);
  await page.getByRole('button', { name: `Import ${rows.length - 1} rows` }).click();
  for (const [what, n] of [['created', rows.length - 1], ['rejected', 0]]) await page.locator(`[data-count=${what}]`).getByText(String(n), { exact: true }).waitFor();
  const [before] = await boats("x_name = 'Argo'"), [after] = await boats("x_name = 'Copy of Argo'");
  assert.ok(after, JSON.stringify((await boats("x_name starts with 'Copy'")).map((b) => b.x_name)));
  for (const [kind, label] of FIELDS.filter(([k, l]) => !['json', 'file', 'rollup', 'auto_number', 'any_reference'].includes(k) && l !== 'Name')) {
    const bare = (v) => JSON.stringify(kind === 'many' ? v.map((x) => x.id).sort() : v);
    assert.equal(bare(after[name(label)]), bare(before[name(label)]), label);
  }
  await look('own-import');
});
