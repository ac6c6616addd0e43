// Postal addresses at the door: a whole one is taken apart, parts keep what was typed, and the standard form is what
// filters and duplicates compare.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, world } from '../kith.mjs';

let w;
const ok = async (method, path, body, status) => {
  const r = await w.api(method, path, body);
  assert.equal(r.status, status ?? (method === 'POST' ? 201 : 200), JSON.stringify(r.body));
  return r.body;
};
const person = async (last_name, address) => (await ok('POST', '/contacts', { last_name, addresses: [address] }));
const ids = async (where) => (await ok('GET', `/contacts?where=${encodeURIComponent(where)}&fields=id&sort=id`)).items.map((p) => p.id);

before(async () => { w = await world(); });
after(() => w.close());

test('a whole address is taken apart by the rules of its country', async () => {
  const a = (await person('Whole', { text: 'Musterstr. 5, Whg. 12, 10115 berlin, Germany', kind: 'home' })).addresses[0];
  assert.deepEqual([a.street, a.postcode, a.city, a.country, a.kind], ['Musterstraße 5\nWohnung 12', '10115', 'Berlin', 'DE', 'home']);
  const b = (await person('Lines', { street: '500 Sample Avenue, Suite 210\nNew York, NY 10001', country: 'USA' }));
  assert.deepEqual([b.addresses[0].street, b.city, b.region, b.postcode, b.country], ['500 Sample Ave\nSte 210', 'New York', 'NY', '10001', 'US']);
  const c = (await person('Nothing', { text: 'somewhere by the sea' })).addresses[0];
  assert.equal(c.street, 'somewhere by the sea');
});

test('parts keep what was typed; what is repeated of them is in standard form', async () => {
  const p = await person('Typed', { street: 'HAUPTSTR. 5', postcode: 'd-50667', city: 'KÖLN', country: 'Germany' });
  assert.deepEqual([p.addresses[0].street, p.addresses[0].postcode, p.addresses[0].city], ['HAUPTSTR. 5', 'd-50667', 'KÖLN']);
  assert.deepEqual([p.postcode, p.city, p.country], ['50667', 'Köln', 'DE']);
  assert.equal(p.addresses[0].key, 'hauptstrasse 5 koln 50667 de');
  assert.deepEqual(await ids("postcode = '50667'"), [p.id]);
  assert.deepEqual(await ids("addresses contains 'Hauptstraße 5'"), [p.id]);
  const again = await ok('PATCH', `/contacts/${p.id}`, { addresses: p.addresses });
  assert.deepEqual(again.addresses, p.addresses);
  const twice = await person('Twice', [{ street: 'Hauptstr. 5', city: 'Köln', country: 'DE' }][0]);
  const both = await ok('PATCH', `/contacts/${twice.id}`, { addresses: [{ street: 'Hauptstr. 5', city: 'Köln', country: 'DE' }, { street: 'Hauptstraße 5', city: 'KÖLN', country: 'Deutschland' }] });
  assert.equal(both.addresses.length, 1, 'one address in two spellings');
});

test('the same address in two spellings speaks for a duplicate', async () => {
  const p = (await ok('POST', '/contacts', { first_name: 'Quirin', last_name: 'Adressat', addresses: [{ street: '12, rue des Lilas', postcode: '75011', city: 'PARIS', country: 'FR' }] })).id;
  const hit = await eventually(async () => (await ok('POST', '/contacts/duplicates', { first_name: 'Quirin', last_name: 'Adressat',
    addresses: [{ street: '12 R. DES LILAS', postcode: 'F-75011', city: 'Paris', country: 'France' }] }, 200)).items.find((h) => h.id === p));
  const reasons = JSON.stringify(hit.reasons);
  assert.ok(reasons.includes('addresses.street') && reasons.includes('addresses.postcode'), reasons);
});

test('an import adds no address that is there, and completes one that is there in part', async () => {
  const there = { street: 'Oak Avenue 44', postcode: '02108', city: 'Boston', country: 'US', kind: 'home' };
  const id = (await ok('POST', '/contacts', { last_name: 'Known', emails: ['known@addresses.example'], addresses: [there] })).id;
  const addresses = async () => (await ok('GET', `/contacts/${id}?fields=addresses`)).addresses.map((a) => [a.kind, a.street, a.city, a.country, a.primary]);
  const take = (field, ...values) => ok('POST', '/contacts/import', { columns: [{ column: 'e', field: 'emails' }, ...field.map((f) => ({ column: f, field: f }))], keys: ['email'], rows: [['known@addresses.example', ...values]] }, 200);
  const same = [['home', 'Oak Avenue 44', 'Boston', 'US', true]];
  for (const [fields, ...values] of [[['addresses[home].city'], 'BOSTON'], [['city'], 'Boston'], [['city', 'postcode', 'addresses.street'], 'Boston', '02108', 'Oak Avenue 44']]) {
    await take(fields, ...values);
    assert.deepEqual(await addresses(), same, fields.join());
  }
  // of another kind, or in another place: a second one; which then gets its street
  await take(['addresses[work].city'], 'Boston');
  await take(['addresses[work].city', 'addresses[work].street'], 'Boston', 'Quay 7');
  assert.deepEqual(await addresses(), [...same, ['work', 'Quay 7', 'Boston', undefined, false]]);
  await take(['city'], 'Salem');
  assert.equal((await addresses()).length, 3);
});

test('an import takes a column with whole addresses apart', async () => {
  const r = await ok('POST', '/contacts/import', { columns: ['last_name', { column: 'Anschrift', field: 'addresses[work]' }],
    rows: [['Imported', 'ul. Przykładowa 5 m. 7, 00-001 Warszawa, Poland'], ['Plain', 'Lane 1,Town,Shire,X1,GB']] }, 200);
  assert.deepEqual(r.rejected, []);
  const [p] = (await ok('GET', `/contacts?where=${encodeURIComponent("last_name = 'Imported'")}&fields=addresses,city,postcode`)).items;
  assert.deepEqual([p.addresses[0].street, p.city, p.postcode, p.addresses[0].kind], ['ul. Przykładowa 5\nm. 7', 'Warszawa', '00-001', 'work']);
});
