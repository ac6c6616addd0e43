// Facts attached to records: by postcode and country, by industry, by the domain of an e-mail address; kept true when
// a record or the facts change; in filters, sorting and segments.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, world } from '../kith.mjs';

let w;
const ok = async (method, path, body, status) => {
  const r = await w.api(method, path, body);
  assert.equal(r.status, status ?? (method === 'POST' ? 201 : 200), `${method} ${path}: ${JSON.stringify(r.body)}`);
  return r.body;
};
const list = async (plural, where, more = '') => (await ok('GET', `/${plural}?where=${encodeURIComponent(where)}&fields=id,last_name,name,x_zone&sort=id${more}`)).items;
const ids = async (where) => (await list('contacts', where)).map((p) => p.id);
const person = async (last_name, address, more) => (await ok('POST', '/contacts', { last_name, addresses: address ? [address] : undefined, ...more })).id;
const state = async (name) => (await ok('POST', '/enrich/state', {}, 200)).items.find((s) => s.name === name);
const settled = (name) => eventually(async () => { const s = await state(name); return s && !s.at_work && s; }, 20);
const zone = async (x_postcode, x_country, x_income) => (await ok('POST', '/x_zones', { x_postcode, x_country, x_income })).id;

let ann, bob, cyd, dan, berlin, leeds;

before(async () => {
  w = await world();
  await ok('POST', '/objects', { name: 'x_zone', plural: 'x_zones', title_field: 'x_postcode', label: 'Zone' });
  for (const f of [{ name: 'x_postcode', kind: 'text' }, { name: 'x_country', kind: 'text' }, { name: 'x_income', kind: 'integer', index: true }]) {
    await ok('POST', '/fields', { entity: 'x_zone', ...f });
  }
  ann = await person('Ann', { street: 'Hauptstr. 1', postcode: '10115', city: 'Berlin', country: 'DE' });
  bob = await person('Bob', { postcode: 'ls14ap', city: 'Leeds', country: 'GB' });
  cyd = await person('Cyd', { postcode: '10115', city: 'New York', country: 'US' });
  dan = await person('Dan');
  berlin = await zone('10115', 'Germany', 52000);
  leeds = await zone('LS1 4AP', 'GB', 31000);
});
after(() => w.close());

const attach = () => ok('POST', '/enrich/attach', { entity: 'contact', facts: 'x_zone',
  on: [{ field: 'postcode', key: 'x_postcode' }, { field: 'country', key: 'x_country' }] }, 200);

test('records that are there are matched by postcode and country, in any spelling', async () => {
  assert.equal((await attach()).name, 'x_zone');
  const s = await settled('x_zone');
  assert.deepEqual([s.records, s.matched, s.unmatched, s.keys], [4, 2, 2, 2]);
  assert.deepEqual(s.on, [{ field: 'postcode', key: 'x_postcode' }, { field: 'country', key: 'x_country' }]);
  assert.deepEqual(await ids('x_zone.x_income > 40000'), [ann]);
  assert.deepEqual(await ids('x_zone.x_income < 40000'), [bob]);
  assert.deepEqual(await ids('x_zone is empty'), [cyd, dan]);
  const [a] = await list('contacts', `id = ${ann}`);
  assert.deepEqual(a.x_zone, { id: berlin, name: '10115' });
});

test('a record is right at once: created, moved, without an address, undone', async () => {
  const eve = await person('Eve', { postcode: '10115', country: 'DE' });
  assert.deepEqual(await ids('x_zone.x_income > 40000'), [ann, eve]);
  await ok('PATCH', `/contacts/${eve}`, { addresses: [{ postcode: 'LS1 4AP', country: 'United Kingdom' }] });
  assert.deepEqual(await ids('x_zone.x_income < 40000'), [bob, eve]);
  const [last] = (await ok('GET', `/contacts/${eve}/history`)).items; // not the newest of all: a pass has one too
  await ok('POST', '/undo', { change_set: last.change_set }, 200);
  assert.deepEqual(await ids('x_zone.x_income > 40000'), [ann, eve]);
  await ok('PATCH', `/contacts/${eve}`, { addresses: [] });
  assert.deepEqual(await ids('x_zone is empty'), [cyd, dan, eve]);
  await ok('DELETE', `/contacts/${eve}`, undefined, 204);
});

test('the reference is the engine\'s: nobody sets it, and it is no part of the history', async () => {
  await ok('PATCH', `/contacts/${ann}`, { x_zone: leeds });
  assert.deepEqual(await ids('x_zone.x_income > 40000'), [ann]);
  const h = await ok('GET', `/contacts/${bob}/history`);
  assert.ok(!JSON.stringify(h).includes('x_zone'));
});

test('facts are added, changed, removed and restored: all who belong to them follow', async () => {
  const york = await zone('10115', 'US', 70000);
  await eventually(async () => (await ids('x_zone.x_income > 60000')).length === 1, 20);
  assert.deepEqual(await ids('x_zone.x_income > 60000'), [cyd]);
  await ok('PATCH', `/x_zones/${york}`, { x_income: 80000 }); // no key: at once, and no pass
  assert.deepEqual(await ids('x_zone.x_income = 80000'), [cyd]);
  await ok('PATCH', `/x_zones/${york}`, { x_country: 'FR' });
  await eventually(async () => !(await ids('x_zone.x_income = 80000')).length, 20);
  await ok('PATCH', `/x_zones/${york}`, { x_country: 'USA' });
  await eventually(async () => (await ids('x_zone.x_income = 80000')).length === 1, 20);
  await ok('DELETE', `/x_zones/${york}`, undefined, 204);
  await eventually(async () => (await ids('x_zone is empty')).includes(cyd), 20);
  await ok('POST', `/x_zones/${york}/restore`, {}, 200);
  await eventually(async () => (await ids('x_zone.x_income = 80000')).length === 1, 20);
  await ok('DELETE', `/x_zones/${york}`, undefined, 204);
  await settled('x_zone');
});

test('a segment over facts follows the record, the facts, and the pass', async () => {
  const s = await ok('POST', '/segments', { name: 'Rich', where: 'x_zone.x_income > 40000' });
  const become = (want) => eventually(async () => JSON.stringify(await ids("in_segment('rich')")) === JSON.stringify(want), 20);
  await become([ann]);
  await ok('PATCH', `/contacts/${dan}`, { addresses: [{ postcode: '10115', country: 'DE' }] });
  await become([ann, dan]);
  await ok('PATCH', `/x_zones/${leeds}`, { x_income: 45000 });
  await become([ann, bob, dan]);
  const york = await zone('10115', 'US', 90000);
  await become([ann, bob, cyd, dan]);
  await ok('DELETE', `/x_zones/${york}`, undefined, 204);
  await become([ann, bob, dan]);
  await ok('DELETE', `/segments/${s.id}`, undefined, 204);
  await ok('PATCH', `/x_zones/${leeds}`, { x_income: 31000 });
});

test('a column of the facts sorts lists and groups sums by a formula', async () => {
  await ok('POST', '/fields', { entity: 'contact', name: 'x_income', kind: 'formula', expr: 'x_zone.x_income' });
  const r = await ok('GET', `/contacts?where=${encodeURIComponent('x_zone is not empty')}&sort=-x_income,last_name&fields=last_name,x_income,x_zone&expand=x_zone`);
  assert.deepEqual(r.items.map((p) => [p.last_name, p.x_income]), [['Ann', 52000], ['Dan', 52000], ['Bob', 31000]]);
  assert.equal(r.items[2].x_zone.x_postcode, 'LS1 4AP');
  const sums = await ok('GET', `/contacts/aggregate?group=x_zone&measure=${encodeURIComponent('count()')}`);
  assert.deepEqual(sums.rows.map((g) => g['count()']).sort(), [1, 1, 2]);
  const { items } = await ok('GET', `/fields?where=${encodeURIComponent("name = 'x_income' and entity = 'contact'")}&fields=id`);
  await ok('DELETE', `/fields/${items[0].id}`, undefined, 204);
});

test('by an industry, and by the domain of an e-mail address', async () => {
  await ok('POST', '/objects', { name: 'x_trade', plural: 'x_trades', title_field: 'x_name' });
  await ok('POST', '/fields', { entity: 'x_trade', name: 'x_name', kind: 'text' });
  await ok('POST', '/fields', { entity: 'x_trade', name: 'x_growth', kind: 'decimal', scale: 1 });
  await ok('POST', '/x_trades', { x_name: 'RETAIL', x_growth: '2.5' });
  await ok('POST', '/objects', { name: 'x_host', plural: 'x_hosts', title_field: 'x_domain' });
  await ok('POST', '/fields', { entity: 'x_host', name: 'x_domain', kind: 'text' });
  await ok('POST', '/fields', { entity: 'x_host', name: 'x_rank', kind: 'integer' });
  await ok('POST', '/x_hosts', { x_domain: 'https://www.Mail.example/start', x_rank: 7 });
  const industry = (await ok('GET', '/meta')).entities.find((e) => e.name === 'company').fields.find((f) => f.name === 'industry');
  if (industry) {
    await ok('POST', '/enrich/attach', { entity: 'company', facts: 'x_trade', on: [{ field: 'industry', key: 'x_name' }] }, 200);
    await settled('x_trade');
    await ok('POST', '/companies', { name: 'Shop', industry: 'retail' });
    const shops = await ok('GET', `/companies?where=${encodeURIComponent('x_trade.x_growth > 2')}&fields=name`);
    assert.deepEqual(shops.items.map((c) => c.name), ['Shop']);
  }
  await ok('POST', '/enrich/attach', { entity: 'contact', facts: 'x_host', on: [{ field: 'email', key: 'x_domain', part: 'domain' }] }, 200);
  await settled('x_host');
  const fay = await person('Fay', null, { emails: ['fay@MAIL.example'] });
  assert.deepEqual(await ids('x_host.x_rank = 7'), [fay]);
});

test('a package carries the attachment elsewhere', async () => {
  const pack = await ok('GET', '/package');
  const field = pack.fields.find((f) => f.entity === 'contact' && f.name === 'x_zone');
  assert.deepEqual(field.lookup, [{ field: 'postcode', key: 'x_postcode' }, { field: 'country', key: 'x_country' }]);
  const there = await world();
  try {
    const r = await there.api('POST', '/package', pack);
    assert.ok(r.status < 300, JSON.stringify(r.body));
    const s = (await there.api('POST', '/enrich/state', {})).body.items.map((i) => i.name).sort();
    assert.ok(s.includes('x_zone'), s.join());
  } finally {
    await there.close();
  }
});

test('what is wrong with a definition is said', async () => {
  const refused = async (body, what) => {
    const r = await w.api('POST', '/enrich/attach', body);
    assert.ok(r.status === 422 || r.status === 400, JSON.stringify(r.body));
    assert.match(JSON.stringify(r.body), what);
  };
  await refused({ entity: 'contact', facts: 'x_zone', name: 'x_z2', on: [{ field: 'nothing', key: 'x_postcode' }] }, /no field/);
  await refused({ entity: 'contact', facts: 'x_zone', name: 'x_z2', on: [] }, /say which fields/);
  await refused({ entity: 'contact', facts: 'nowhere', name: 'x_z2', on: [{ field: 'postcode', key: 'x_postcode' }] }, /nothing called/);
  await refused({ entity: 'contact', facts: 'x_zone', name: 'x_z2', on: [{ field: 'email', key: 'x_postcode', part: 'half' }] }, /domain/);
  const key = (await ok('GET', `/fields?where=${encodeURIComponent("entity = 'x_zone' and name = 'x_postcode'")}&fields=id`)).items[0];
  const r = await w.api('DELETE', `/fields/${key.id}`);
  assert.equal(r.status, 422, 'a field that a lookup compares stays');
});

test('detached: the field is gone; attached again: it is matched anew', async () => {
  await ok('POST', '/enrich/detach', { entity: 'contact', name: 'x_zone' }, 200);
  assert.equal(await state('x_zone'), undefined);
  assert.equal((await w.api('GET', `/contacts?where=${encodeURIComponent('x_zone.x_income > 1')}`)).status, 422);
  assert.equal((await w.api('POST', '/enrich/detach', { entity: 'contact', name: 'x_zone' })).status, 422);
  await ok('POST', '/enrich/attach', { entity: 'contact', facts: 'x_zone', name: 'x_area', label: 'Area',
    on: [{ field: 'postcode', key: 'x_postcode' }, { field: 'country', key: 'x_country' }] }, 200);
  assert.equal((await settled('x_area')).matched, 3);
  const r = await ok('POST', '/enrich/refresh', { entity: 'contact', name: 'x_area' }, 200);
  assert.ok(r.job > 0);
  assert.equal((await settled('x_area')).matched, 3);
});
