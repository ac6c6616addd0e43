// Dashboards: what a tile may be, whose they are, what a renamed field does to them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { world } from '../kith.mjs';

let w;
before(async () => { w = await world(); });
after(() => w.close());

const number = { id: 'a', kind: 'number', entity: 'contact', measure: 'count()', w: 3, h: 2 };
const chart = { id: 'b', kind: 'chart', entity: 'contact', group: 'created_at:month', chart: 'line', w: 6, h: 4 };
const post = (tiles, more = {}, api = w.api.bind(w)) => api('POST', '/dashboards', { name: 'Mine', tiles, ...more });

test('a tile of every kind is kept as it was sent', async () => {
  const tiles = [number, chart, { ...chart, id: 'h', chart: 'heat', group: 'lead_source', across: 'lifecycle' },
    { id: 'c', kind: 'list', entity: 'task', sort: '-due,title', columns: ['due'], rows: 5, title: 'Next', w: 4, h: 3 },
    { id: 'd', kind: 'view', view: 7, w: 4, h: 3 }, { id: 'e', kind: 'text', text: '# Hello', w: 12, h: 1 }];
  const r = await post(tiles);
  assert.equal(r.status, 201, r.text);
  assert.deepEqual(r.body.tiles, tiles);
});

test('what is wrong is named with its tile', async () => {
  const wrong = async (tile, field) => {
    const r = await post([number, tile]);
    assert.equal(r.status, 422, JSON.stringify(tile) + r.text);
    assert.equal(r.body.errors[0].field, field);
  };
  await wrong('text', 'tiles[1]');
  await wrong({ ...chart, kind: 'gauge' }, 'tiles[1].kind');
  await wrong({ ...chart, colour: 'red' }, 'tiles[1]');
  await wrong({ ...chart, entity: 'boat' }, 'tiles[1].entity');
  await wrong({ ...chart, entity: 'session' }, 'tiles[1].entity');
  await wrong({ ...chart, where: 'shoe_size > 4' }, 'tiles[1].where');
  await wrong({ ...chart, group: 'shoe_size' }, 'tiles[1].group');
  await wrong({ ...chart, group: 'created_at:hour' }, 'tiles[1].group');
  await wrong({ ...chart, measure: 'sum(last_name)' }, 'tiles[1].measure');
  await wrong({ ...chart, measure: 'drop(id)' }, 'tiles[1].measure');
  await wrong({ ...chart, chart: 'pie' }, 'tiles[1].chart');
  await wrong({ ...chart, chart: 'heat' }, 'tiles[1].across');
  await wrong({ ...chart, w: 13 }, 'tiles[1].w');
  await wrong({ ...chart, h: '4' }, 'tiles[1].h');
  await wrong({ ...chart, rows: 4 }, 'tiles[1].rows');
  await wrong({ ...chart, id: 'a' }, 'tiles[1].id');
  await wrong({ id: 'x', kind: 'list', entity: 'task', sort: '-shoe', w: 4, h: 3 }, 'tiles[1].sort');
  await wrong({ id: 'x', kind: 'list', entity: 'task', columns: ['due', 4], w: 4, h: 3 }, 'tiles[1].columns');
  await wrong({ id: 'x', kind: 'text', text: 'x'.repeat(4001), w: 4, h: 3 }, 'tiles[1].text');
  assert.equal((await post({})).status, 422);
  assert.equal((await post(Array.from({ length: 41 }, (_, i) => ({ ...number, id: 'n' + i })))).status, 422);
});

test('a renamed field breaks no filter of a tile', async () => {
  await w.api('POST', '/fields', { entity: 'contact', name: 'x_shoe', kind: 'integer', label: 'Shoe' });
  const r = await post([{ ...number, where: 'x_shoe > 40' }]);
  assert.equal(r.status, 201, r.text);
  const field = (await w.api('GET', `/fields?where=${encodeURIComponent("name = 'x_shoe'")}`)).body.items[0];
  assert.match(r.body.tiles[0].where, new RegExp(`@${(await w.api('GET', '/meta')).body.entities.find((e) => e.name === 'contact').fields.find((f) => f.name === 'x_shoe').number} > 40`));
  assert.equal((await w.api('PATCH', `/fields/${field.id}`, { name: 'x_foot' })).status, 200);
  // as it is stored it can be asked, and sent again
  const again = await w.api('PATCH', `/dashboards/${r.body.id}`, { tiles: [...r.body.tiles, { id: 't', kind: 'text', text: '', w: 4, h: 1 }] });
  assert.equal(again.status, 200, again.text);
  assert.equal((await w.api('GET', `/contacts/aggregate?measure=count()&where=${encodeURIComponent(r.body.tiles[0].where)}`)).status, 200);
});

test('one\'s own, or shared with all; a hidden field is not asked about; the home page is one\'s own choice', async () => {
  const who = await w.user('dash@kith.example', [{ entity: 'contact', read: 'own' }]);
  const mine = await post([number], {}, who.api);
  assert.equal(mine.status, 201, mine.text);
  const closed = await post([number]), open = await post([number], { shared: true });
  assert.equal((await who.api('GET', `/dashboards/${closed.body.id}`)).status, 404);
  assert.equal((await who.api('GET', `/dashboards/${open.body.id}`)).status, 200);
  assert.equal((await who.api('PATCH', `/dashboards/${open.body.id}`, { name: 'Theirs' })).status, 403);
  // sensitive: hidden from whom no role gives it
  assert.equal((await post([{ ...number, where: 'income_band is empty' }], {}, who.api)).status, 422);
  assert.equal((await post([{ ...chart, group: 'income_band' }], {}, who.api)).status, 422);
  assert.equal((await who.api('PUT', '/settings', { name: 'home.dashboard', scope: 'user', value: open.body.id })).status, 204);
  const kept = async (api) => (await api('GET', '/settings')).body.items.find((s) => s.name === 'home.dashboard').value;
  assert.equal(await kept(who.api), open.body.id);
  assert.equal(await kept(w.api.bind(w)), 0);
});
