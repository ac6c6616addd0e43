// What is exported comes back by an import without loss: every entity that can be imported, in every format.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, world } from '../kith.mjs';

const ORDER = ['companies', 'contacts', 'tasks', 'x_boats'];
const ok = async (w, method, path, body) => {
  const r = await w.api(method, path, body);
  assert.ok(r.status < 300, r.text);
  return r.body;
};

async function objects(w) {
  await ok(w, 'POST', '/objects', { name: 'x_boat', plural: 'x_boats', label: 'Boat' });
  for (const f of [{ name: 'x_size', kind: 'decimal' }, { name: 'x_crew', kind: 'many', target: 'contact' }, { name: 'x_owner', kind: 'reference', target: 'company' }]) {
    await ok(w, 'POST', '/fields', { entity: 'x_boat', label: f.name, ...f });
  }
}

let from;
before(async () => {
  from = await world({ single: true });
  await objects(from);
  const company = await ok(from, 'POST', '/companies', { name: 'Round; Trip & Söhne', external_id: 'c1', annual_revenue: { amount: '1234.50', currency: 'USD' }, description: '<p>Hi</p>', employees: 7 });
  const ana = await ok(from, 'POST', '/contacts', { external_id: 'p1', salutation: 'Dr.', first_name: 'Ana "A"', middle_name: 'M', last_name: '=1+1', company: company.id,
    emails: [{ address: 'ana@round.example', kind: 'work' }, { address: 'home@round.example', kind: 'home', primary: true }], phones: ['+49 30 123456'],
    addresses: [{ street: 'Hauptstr. 1', city: 'Köln', postcode: '50667', country: 'DE', kind: 'home' }], birthday: '--02-29', tags: ['vip', 'a b'], hobbies: ['music', 'film'], do_not_email: true, home: { lat: 50.9, lng: 6.95 } });
  const bo = await ok(from, 'POST', '/contacts', { external_id: 'p2', last_name: "'+tricky", nickname: '-x', birthday: '1980', description: '<p>two<br>lines</p>' });
  await ok(from, 'POST', '/tasks', { external_id: 't1', title: 'Call, "now"', due: '2026-05-01T10:00:00Z', contact: ana.id });
  await ok(from, 'POST', '/x_boats', { external_id: 'b1', x_size: '12.5', x_crew: [ana.id, bo.id], x_owner: company.id });
});
after(() => from.close());

const AUDIT = new Set(['id', 'version', 'created_at', 'created_by', 'created_via', 'updated_at', 'updated_by']);

async function dump(w, entity) {
  const r = await w.api('GET', `/${entity}/export?format=jsonl&sort=external_id`);
  return r.text.trimEnd().split('\n').filter(Boolean).map((l) => JSON.parse(l, (k, x) => (AUDIT.has(k) ? undefined : x)));
}

const bytesOf = (w, entity, format) => fetch(`${w.servers[0].url}/api/v1/${entity}/export?format=${format}`, { headers: { authorization: `Bearer ${w.token}` } })
  .then((r) => (assert.equal(r.status, 200), r.arrayBuffer())).then((b) => Buffer.from(b));

for (const format of ['csv', 'xlsx', 'jsonl']) {
  test(`everything as ${format} into another installation, and undone`, async () => {
    const to = await world({ single: true });
    try {
      await objects(to);
      const sets = [];
      for (const entity of ORDER) {
        const file = await to.request('POST', `/api/v1/files?name=a.${format}`, await bytesOf(from, entity, format), { authorization: `Bearer ${to.token}`, 'content-type': 'application/octet-stream' });
        const made = (await ok(to, 'POST', '/imports', { entity, file: file.body.id, options: { keys: ['external_id'] } })).id;
        const look = async (state) => {
          const i = (await to.api('GET', `/imports/${made}`)).body;
          return (i.state?.code ?? i.state) === state ? i : null;
        };
        await eventually(() => look('ready'));
        await ok(to, 'POST', `/imports/${made}/start`, {});
        const done = await eventually(() => look('done'));
        assert.deepEqual([done.rejected, done.warned], [0, 0], `${entity}: ${JSON.stringify(done.report)}`);
        sets.push(done.change_set);
      }
      for (const entity of ORDER) {
        const want = await dump(from, entity), got = await dump(to, entity);
        assert.equal(got.length, want.length);
        want.forEach((r, i) => { for (const k of Object.keys(r)) assert.deepEqual(got[i][k], r[k], `${entity}.${k}`); });
      }
      for (const set of sets.reverse()) await ok(to, 'POST', '/undo', { change_set: set });
      for (const entity of ORDER) assert.deepEqual(await dump(to, entity), []);
    } finally {
      await to.close();
    }
  });
}

test('people as vCards', async () => {
  const text = (await bytesOf(from, 'contacts', 'vcf')).toString();
  assert.match(text, /^BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Dr\. Ana "A" M =1\+1\r\nN:=1\+1;Ana "A";M;Dr\.;\r\n/);
  assert.match(text, /EMAIL;TYPE=HOME,PREF:home@round\.example\r\n/);
  assert.match(text, /ADR;TYPE=HOME,PREF:;;Hauptstr\. 1;Köln;;50667;DE\r\n/);
  assert.equal((await from.api('GET', '/companies/export?format=vcf')).status, 422);
});

test('a cell that a spreadsheet would run is tamed', async () => {
  const csv = (await bytesOf(from, 'contacts', 'csv')).toString();
  assert.ok(csv.includes(",'=1+1,"), csv);
  assert.ok(csv.includes(',+49 30 123456,') || csv.includes('+4930'), csv);
});
