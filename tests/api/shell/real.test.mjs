// Real data through the shell, against the figures published with them. Skipped where the data are not:
// KITH_DATA_SETS, or ../shared/data beside the checkout.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

import { kith, world } from '../kith.mjs';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../..');
const sets = process.env.KITH_DATA_SETS ?? path.join(root, '../shared/data');
const maven = path.join(sets, 'maven-crm-pipeline');
const retail = path.join(sets, 'online-retail-half', 'online_retail_half.csv.gz');
const skip = existsSync(maven) && existsSync(retail) ? false : `no data sets in ${sets}`;

let w;
before(async () => { if (!skip) w = await world({ init: ['--currency', 'USD'] }); });
after(async () => { await w?.close(); });

const shell = (...args) => kith([...args, '--data', w.dir]);

async function made(entity, record) {
  const r = await w.api('POST', '/' + entity, record);
  assert.equal(r.status, 201, r.text);
}

async function rows(text) {
  const r = await shell('query', text, '--json');
  assert.equal(r.code, 0, r.stderr);
  return r.stdout.trim().split('\n').filter(Boolean).map((line) => JSON.parse(line));
}

async function fields(entity, list) {
  for (const [name, kind, more] of list) await made('fields', { entity, name, kind, ...more });
}

test('accounts, products, agents and 8,800 deals come in, and their sums are the published ones', { skip }, async () => {
  await made('objects', { name: 'x_product', plural: 'x_products', title_field: 'x_product' });
  await fields('x_product', [['x_product', 'text', { required: true }], ['x_series', 'text'], ['x_sales_price', 'money']]);
  await made('objects', { name: 'x_agent', plural: 'x_agents', title_field: 'x_sales_agent' });
  await fields('x_agent', [['x_sales_agent', 'text', { required: true }], ['x_manager', 'text'], ['x_regional_office', 'text']]);
  await fields('company', [['x_account', 'text'], ['x_sector', 'text'], ['x_office_location', 'text'], ['x_revenue', 'decimal']]);
  await made('objects', { name: 'x_deal', plural: 'x_deals', title_field: 'x_opportunity_id' });
  await fields('x_deal', [
    ['x_opportunity_id', 'text', { unique: true, no_fold: true }],
    ['x_sales_agent', 'reference', { target: 'x_agent' }], ['x_product', 'reference', { target: 'x_product' }],
    ['x_account', 'reference', { target: 'company' }],
    ['x_deal_stage', 'choice', { choices: [{ code: 'prospecting', label: 'Prospecting' }, { code: 'engaging', label: 'Engaging' },
      { code: 'won', label: 'Won' }, { code: 'lost', label: 'Lost' }] }],
    ['x_engage_date', 'date'], ['x_close_date', 'date'], ['x_close_value', 'money']]);

  const accounts = path.join(w.dir, 'accounts.csv');
  writeFileSync(accounts, readFileSync(path.join(maven, 'accounts.csv'), 'utf8').replace(/^account,/, 'name,'));
  assert.equal((await shell('import', 'companies', accounts)).code, 0);
  const products = path.join(w.dir, 'products.csv'), teams = path.join(w.dir, 'teams.csv'), deals = path.join(w.dir, 'deals.csv');
  writeFileSync(products, readFileSync(path.join(maven, 'products.csv')));
  writeFileSync(teams, readFileSync(path.join(maven, 'sales_teams.csv')));
  writeFileSync(deals, readFileSync(path.join(maven, 'sales_pipeline.csv')));
  assert.equal((await shell('import', 'x_products', products)).code, 0);
  assert.equal((await shell('import', 'x_agents', teams)).code, 0);
  const r = await shell('import', 'x_deals', deals, '--json');
  assert.equal(r.code, 0, r.stderr);
  assert.deepEqual((({ created, rejected, warnings }) => ({ created, rejected, warnings }))(JSON.parse(r.stdout)),
    { created: 8800, rejected: 0, warnings: 1480 });
  assert.match(r.stderr, /GTXPro.*left empty/);

  for (const [entity, n] of [['companies', 85], ['x_products', 7], ['x_agents', 35], ['x_deals', 8800]]) {
    assert.equal((await rows(`${entity} measure count()`))[0]['count()'], n, entity);
  }
  const stages = Object.fromEntries((await rows('x_deals group x_deal_stage measure count() as n')).map((s) => [s.x_deal_stage, s.n]));
  assert.deepEqual(stages, { prospecting: 500, engaging: 1589, won: 4238, lost: 2473 });
  assert.equal((await rows('x_deals where x_account is empty measure count() as n'))[0].n, 1425);
  const [won] = await rows("x_deals where x_deal_stage = 'won' measure count() as n, sum(x_close_value) as value, avg(x_close_value) as mean");
  assert.equal(won.value.amount, '10005534.00');
  assert.ok(Math.abs(won.mean - 2360.909392) < 1e-6, String(won.mean));
  assert.ok(Math.abs(won.n / (won.n + stages.lost) - 0.6315005) < 1e-7);
  assert.equal((await shell('check')).code, 0);
});

test('the customers of a shop come in as contacts: an external id and a country', { skip }, async () => {
  const lines = gunzipSync(readFileSync(retail)).toString('utf8').split('\n');
  const seen = new Map();
  for (const line of lines.slice(1)) {
    const cells = line.trim().split(',');
    const [customer, country] = cells.slice(-2);
    if (/^\d+$/.test(customer ?? '') && !seen.has(customer)) seen.set(customer, country);
  }
  const file = path.join(w.dir, 'customers.csv');
  writeFileSync(file, 'external_id,country\n' + [...seen].map(([id, c]) => `${id},${c}`).join('\n') + '\n');
  const r = await shell('import', 'contacts', file, '--json');
  const said = JSON.parse(r.stdout);
  const unknown = [...seen.values()].filter((c) => ['Channel Islands', 'European Community', 'Unspecified', 'RSA'].includes(c)).length;
  assert.equal(seen.size, 2187);
  assert.equal(said.created + said.rejected, 2187);
  assert.ok(said.rejected <= unknown, r.stderr);
  const [uk] = await rows("contacts where country = 'GB' measure count() as n");
  assert.equal(uk.n, [...seen.values()].filter((c) => c === 'United Kingdom').length);
  // and one undo takes the whole import back
  assert.equal((await shell('undo', String(said.change_set))).code, 0);
  assert.equal((await rows('contacts where external_id is not empty measure count() as n'))[0].n, 0);
});
