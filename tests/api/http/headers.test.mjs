// The header rows of other systems: what each column is taken for, against the maps that were written first.
//
// A header that does not say which kind of e-mail, phone or address it means ("Email") is right both as the
// field and as the entry of the usual kind.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually, world } from '../kith.mjs';

const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../data/headers');
const entities = [[/-(contacts|persons|contacts-\w+)$|^(google|outlook)/, 'contacts'], [/-(accounts|companies|organizations)/, 'companies'],
  [/-calls/, 'calls'], [/-notes/, 'notes'], [/-(events|meetings)/, 'meetings'], [/contacts/, 'contacts'], [/-(tasks|activities)/, 'tasks']];
const usual = { email: 'emails[work]', phone: 'phones[work]', city: 'addresses[work].city', country: 'addresses[work].country',
  region: 'addresses[work].region', postcode: 'addresses[work].postcode' };

let w;
before(async () => { w = await world({ single: true }); });
after(() => w.close());

function csv(text) {
  const rows = [];
  let row = [], cell = '', quoted = false;
  for (let i = 0; i < text.length; i++) {
    const ch = text[i];
    if (quoted) {
      if (ch === '"' && text[i + 1] === '"') { cell += '"'; i++; } else if (ch === '"') quoted = false; else cell += ch;
    } else if (ch === '"') quoted = true;
    else if (ch === ',' || ch === '\n') {
      row.push(cell);
      cell = '';
      if (ch === '\n') { rows.push(row); row = []; }
    } else cell += ch;
  }
  return rows;
}

test('95 of 100 columns go where they belong', async () => {
  let right = 0, all = 0;
  const misses = [];
  for (const name of readdirSync(folder).filter((f) => f.endsWith('.map.csv')).map((f) => f.replace('.map.csv', '')).sort()) {
    const entity = entities.find(([re]) => re.test(name))[1];
    const map = csv(readFileSync(path.join(folder, `${name}.map.csv`), 'utf8')).slice(1);
    const file = await w.request('POST', `/api/v1/files?name=${name}.csv`, readFileSync(path.join(folder, `${name}.csv`)), { authorization: `Bearer ${w.token}`, 'content-type': 'text/csv' });
    const made = await w.api('POST', '/imports', { entity, file: file.body.id });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    const got = await eventually(async () => {
      const r = (await w.api('GET', `/imports/${made.body.id}`)).body;
      return r.columns ? r : null;
    });
    assert.equal(got.columns.length, map.length, name);
    map.forEach(([header, field], i) => {
      const found = got.columns[i].field ?? '';
      all++;
      if (found === field || usual[found] === field) right++;
      else misses.push(`${name}: "${header}" is taken for ${found || 'nothing'}, not ${field || 'nothing'}`);
    });
  }
  console.log(`# ${right} of ${all} columns (${(100 * right / all).toFixed(1)} %)`);
  if (process.env.KITH_MISSES) console.log(misses.join('\n'));
  assert.ok(right >= 0.95 * all, `${right} of ${all}\n${misses.join('\n')}`);
});
