// Finding duplicates in the Febrl sets (Christen's generator: invented people with typing errors), through the
// product's own rule for people, without labels. The sets are not part of the repository: KITH_DATA_SETS, or
// ../shared/data beside the checkout.
//   KITH_FEBRL=all   the large one on PostgreSQL too
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { eventually, POSTGRES, world } from '../kith.mjs';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../..');
const sets = path.join(process.env.KITH_DATA_SETS ?? path.join(root, '../shared/data'), 'febrl');
const skip = existsSync(sets) ? false : `no Febrl sets in ${sets}`;

function read(file) {
  const [head, ...lines] = readFileSync(path.join(sets, file), 'utf8').trim().split(/\r?\n/);
  const names = head.split(',').map((s) => s.trim());
  return lines.map((l) => Object.fromEntries(l.split(',').map((s, i) => [names[i], s.trim()])));
}

// A day that no calendar has cannot be a birthday; the number soc_sec_id is left out on purpose.
function birthday(s) {
  const d = s.length === 8 ? `${s.slice(0, 4)}-${s.slice(4, 6)}-${s.slice(6)}` : '';
  return d && !Number.isNaN(Date.parse(d)) && new Date(d).toISOString().startsWith(d) ? d : null;
}

function person(r) {
  const line = [r.street_number, r.address_1].filter(Boolean).join(' ');
  return { external_id: r.rec_id, first_name: r.given_name, last_name: r.surname, birthday: birthday(r.date_of_birth),
    addresses: [{ street: line + (r.address_2 ? ', ' + r.address_2 : ''), city: r.suburb, region: r.state, postcode: r.postcode }] };
}

async function load(w, rows) {
  const ids = new Map();
  for (let i = 0; i < rows.length; i += 100) {
    const operations = rows.slice(i, i + 100).map((r) => ({ method: 'POST', path: '/contacts', body: person(r) }));
    const r = await w.api('POST', '/batch', { operations });
    assert.equal(r.status, 200, r.text);
    for (const one of r.body.results) ids.set(one.body.id, one.body.external_id);
  }
  return ids;
}

async function sweep(w) {
  const rule = (await w.api('GET', '/duplicate_rules')).body.items.find((r) => r.entity === 'contact');
  assert.ok(rule, 'the rule for people is there from the start');
  const ordered = await w.api('POST', `/duplicate_rules/${rule.id}/sweep`);
  assert.equal(ordered.status, 200, ordered.text);
  const job = await eventually(async () => {
    const j = (await w.api('GET', '/jobs/' + ordered.body.job)).body;
    return j.ended_at && j;
  }, 300);
  assert.equal(job.state, 'done', JSON.stringify(job));
  return job.result;
}

async function pairs(w) {
  const all = [];
  for (let after = ''; after !== null;) {
    const r = await w.api('GET', `/duplicates?limit=200&fields=record,other,state,probability,zone${after && '&after=' + encodeURIComponent(after)}`);
    assert.equal(r.status, 200, r.text);
    all.push(...r.body.items);
    after = r.body.next;
  }
  return all;
}

const number = (external) => external.split('-')[1];

async function figures(name, files, wanted) {
  const w = await world({ single: true });
  try {
    const ids = await load(w, files.flatMap(read));
    const said = await sweep(w);
    const found = await pairs(w);
    const right = found.filter((p) => number(ids.get(p.record.id)) === number(ids.get(p.other.id))).length;
    const precision = right / found.length, recall = right / wanted, f1 = 2 * precision * recall / (precision + recall);
    console.log(`${name}: ${ids.size} people, ${said.pairs} candidates, ${found.length} pairs, ${right} right of ${wanted}: precision ${precision.toFixed(4)}`
      + ` recall ${recall.toFixed(4)} F1 ${f1.toFixed(4)}; sweep ${said.seconds.toFixed(1)} s, ${(said.bytes / 1e6).toFixed(0)} MB`);
    return { found: found.length, right, f1, w: null };
  } finally {
    await w.close();
  }
}

test('febrl1: 1,000 records, 500 of them again: at most one pair missed and none wrong', { skip }, async () => {
  const r = await figures('febrl1', ['febrl1.csv'], 500);
  assert.ok(r.right >= 499, `${r.right} of 500`);
  assert.equal(r.found - r.right, 0);
});

const skip4 = skip || (POSTGRES && !process.env.KITH_FEBRL ? 'on PostgreSQL febrl1 is enough here, and script/soak runs both' : false);
test('febrl4: 5,000 people and 5,000 again: F1 at least 0.998', { skip: skip4 }, async () => {
  const r = await figures('febrl4', ['febrl4a.csv', 'febrl4b.csv'], 5000);
  assert.ok(r.f1 >= .998, String(r.f1));
});
