// Rules about data: shipped, counted, told with a trend, led to the records, checked for one record.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, world } from '../kith.mjs';

let w;
before(async () => { w = await world(); });
after(() => w.close());

const report = async (entity, more = {}, api = w.api.bind(w)) => {
  const r = await api('POST', '/quality/report', { entity, ...more });
  assert.equal(r.status, 200, r.text);
  return r.body;
};

test('rules are shipped, counted each day, and told with their score', async () => {
  const rules = await eventually(async () => {
    const r = await w.api('GET', '/quality_rules?limit=100');
    return r.body.items?.length >= 15 ? r.body.items : null;
  });
  assert.ok(rules.every((r) => r.where && r.advice));
  for (const [last_name, more] of [['Whole', { first_name: 'A', emails: ['a@quality.example'], addresses: [{ city: 'Ulm', postcode: '89073', country: 'DE' }] }], ['Bare', {}],
    ['Bare', { birthday: '1850-01-01' }], ['Twin', { first_name: 'TWIN', preferred_channel: 'email' }]]) {
    assert.equal((await w.api('POST', '/contacts', { last_name, ...more })).status, 201);
  }
  const now = await report('contact', { live: true });
  const found = Object.fromEntries(now.rules.map((r) => [r.name, r.found]));
  assert.equal(found['No way to reach'], 3);
  assert.equal(found['No first name'], 2);
  assert.equal(found['Older than 110 years'], 1);
  assert.equal(found['First and last name are the same'], 1);
  assert.equal(found['Prefers e-mail and has none'], 1);
  assert.ok(now.score > 0 && now.score < 100);
  // the rule's filter leads to the records
  const reach = now.rules.find((r) => r.name === 'No way to reach');
  assert.equal((await w.api('GET', `/contacts?where=${encodeURIComponent(reach.where)}`)).body.items.length, 3);
  // mended in one go
  const bulk = await w.api('POST', '/contacts/bulk', { where: reach.where, set: { emails: ['info@quality.example'] } });
  await eventually(async () => (await w.api('GET', `/jobs/${bulk.body.job}`)).body.state === 'done');
  assert.equal((await report('contact', { live: true })).rules.find((r) => r.name === 'No way to reach').found, 0);
  assert.equal((await w.api('POST', '/quality/measure', {})).status, 200);
  const kept = await eventually(async () => {
    const r = (await report('contact')).rules.find((x) => x.name === 'No first name');
    return r.records === 4 ? r : null;
  });
  assert.equal(kept.trend[0].found, 2);
});

test('one record: what it breaks and why', async () => {
  const bad = (await w.api('GET', `/contacts?where=${encodeURIComponent("last_name = 'Twin'")}`)).body.items[0];
  const r = await w.api('POST', '/quality/check', { entity: 'contact', id: bad.id });
  assert.equal(r.status, 200, r.text);
  assert.ok(r.body.broken.some((b) => b.name === 'First and last name are the same'));
  assert.ok(r.body.score < 100);
  assert.equal((await w.api('POST', '/quality/check', { entity: 'contact', id: 99999 })).status, 404);
});

test('rules of one\'s own; a renamed field breaks none; a wrong one is refused', async () => {
  await w.api('POST', '/fields', { entity: 'contact', name: 'x_shoe', kind: 'integer', label: 'Shoe' });
  const rule = await w.api('POST', '/quality_rules', { name: 'Big feet', entity: 'contact', kind: 'unlikely', where: 'x_shoe > 50' });
  assert.equal(rule.status, 201, rule.text);
  assert.equal((await w.api('POST', '/contacts', { first_name: 'Big', last_name: 'Foot', x_shoe: 61 })).status, 201);
  const field = (await w.api('GET', `/fields?where=${encodeURIComponent("name = 'x_shoe'")}`)).body.items[0];
  assert.equal((await w.api('PATCH', `/fields/${field.id}`, { name: 'x_foot' })).status, 200);
  const now = (await report('contact', { live: true })).rules.find((r) => r.name === 'Big feet');
  assert.equal(now.found, 1);
  assert.equal(now.where, 'x_foot > 50');
  const bad = await w.api('POST', '/quality_rules', { name: 'Bad', entity: 'contact', kind: 'invalid', where: 'shoe_size > 4' });
  assert.equal(bad.status, 422);
  assert.equal(bad.body.errors[0].field, 'where');
});

test('who sees little is told of what he sees', async () => {
  const own = await w.user('quality@kith.example', [{ entity: 'contact', read: 'own', create: 'all' }, { entity: 'quality_rule', read: 'all' }]);
  await own.api('POST', '/contacts', { last_name: 'Mine' });
  const r = await report('contact', {}, own.api);
  assert.ok(r.rules.every((x) => x.records <= 1), JSON.stringify(r.rules.map((x) => x.records)));
});
