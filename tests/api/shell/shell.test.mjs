// The shell: the same commands with a server and without one, exit codes, backup and restore, packages.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { kith, POSTGRES, world } from '../kith.mjs';

let w;
before(async () => { w = await world(); });
after(async () => { await w.close(); });

const shell = (...args) => kith([...args, '--data', w.dir]);
const ok = async (...args) => {
  const r = await shell(...args);
  assert.equal(r.code, 0, r.stderr);
  return r.stdout;
};

test('a record is made, asked for, changed and deleted', async () => {
  const made = JSON.parse(await ok('create', 'contacts', '{"first_name": "Ana", "last_name": "Shell"}', '--json'));
  assert.match(await ok('query', "contacts where last_name = 'shell'", '--fields', 'id,name'), /Ana Shell/);
  await ok('update', 'contacts', String(made.id), '{"last_name": "Changed"}');
  assert.match(await ok('get', 'contacts', String(made.id)), /Ana Changed/);
  await ok('delete', 'contacts', String(made.id));
  assert.equal((await shell('get', 'contacts', String(made.id))).code, 1);
});

test('a wrong question says what is wrong', async () => {
  const unknown = await shell('query', "contacts where frist_name = 'x'");
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /did you mean "first_name"/);
  assert.equal((await shell('query', "contacts where name = 'x")).code, 2);
  assert.equal((await shell('query', 'two words')).code, 2);
  assert.equal((await shell('nothing')).code, 2);
});

test('import tells rows that it rejects, and takes them once they are mended', async () => {
  const file = path.join(w.dir, 'people.csv');
  writeFileSync(file, 'First name;Last name;E-mails;Birthday;Nonsense\nBo;Good;bo@mail.example;31/12/1990;1\nNo;Good;not-an-address;;2\n');
  const r = await shell('import', 'contacts', file);
  assert.equal(r.code, 3, r.stderr);
  assert.match(r.stderr, /Nonsense.*left out/);
  const rejects = readFileSync(file + '.rejects.csv', 'utf8');
  assert.match(rejects, /not-an-address.*@ is missing/);
  assert.match(await ok('query', "contacts where last_name = 'good'", '--fields', 'name,birthday'), /Bo Good +1990-12-31/);
  writeFileSync(file, rejects.replace('not-an-address', 'no@mail.example'));
  await ok('import', 'contacts', file);
});

test('import looks without writing, takes options, JSON lines and spreadsheets', async () => {
  const file = path.join(w.dir, 'look.csv');
  writeFileSync(file, 'Wer;Firm\nLook;Nowhere Ltd\n');
  const options = JSON.stringify({ columns: [{ column: 'Wer', field: 'last_name' }, { column: 'Firm', field: 'company', create: true }] });
  const looked = JSON.parse(await ok('import', 'contacts', file, '--options', options, '--check', '--json'));
  assert.deepEqual([looked.created, looked.rejected, looked.change_set], [1, 0, 0]);
  assert.equal((await ok('query', "contacts where last_name = 'Look'")).trim(), '');
  const bad = await shell('import', 'contacts', file, '--options', '[1]');
  assert.equal(bad.code, 2);
  await ok('import', 'contacts', file, '--options', options);
  assert.match(await ok('query', "contacts where last_name = 'Look'", '--fields', 'company'), /Nowhere Ltd/);
  const sheet = path.join(w.dir, 'sheet.xlsx');
  await ok('export', 'contacts', sheet, '--where', "last_name = 'Look'", '--fields', 'external_id,last_name,first_name');
  const came = JSON.parse(await ok('import', 'contacts', sheet, '--json'));
  assert.equal(came.created, 1);
  const lines = path.join(w.dir, 'lines.jsonl');
  writeFileSync(lines, '{"last_name":"Line"}\n{"last_name":"Bad","birthday":"soon"}\n');
  assert.equal((await shell('import', 'contacts', lines)).code, 3);
  const rejects = JSON.parse(readFileSync(lines + '.rejects.jsonl', 'utf8'));
  assert.equal(rejects.last_name, 'Bad');
  assert.match(rejects.why, /^birthday: /);
  const none = await shell('import', 'contacts', path.join(w.dir, 'absent.csv'));
  assert.deepEqual([none.code, /cannot read/.test(none.stderr)], [1, true]);
  const odd = await shell('import', 'nothings', file);
  assert.match(odd.stderr, /nothing called "nothings"/);
});

test('what is exported comes in again as it was', async () => {
  const out = path.join(w.dir, 'companies.jsonl');
  await ok('create', 'companies', JSON.stringify({ name: 'Round "Trip", Ltd', external_id: 'r1', phones: [{ number: '+4930123456', kind: 'work' }],
    addresses: [{ city: 'Ulm', country: 'DE' }], annual_revenue: { amount: '12.34', currency: 'EUR' }, tags: ['a b'] }));
  await ok('export', 'companies', out, '--where', "external_id = 'r1'");
  const before = JSON.parse(readFileSync(out, 'utf8'));
  await ok('import', 'companies', out, '--key', 'external_id');
  await ok('export', 'companies', out, '--where', "external_id = 'r1'");
  const again = JSON.parse(readFileSync(out, 'utf8'));
  for (const k of ['version', 'updated_at', 'updated_by']) delete before[k], delete again[k];
  assert.deepEqual(again, before);
});

test('a package carries objects and fields to another installation', async () => {
  await w.api('POST', '/objects', { name: 'x_boat', plural: 'x_boats', title_field: 'x_name' });
  for (const f of [{ name: 'x_name', kind: 'text' }, { name: 'x_owner', kind: 'reference', target: 'contact' },
    { name: 'x_state', kind: 'choice', choices: [{ code: 'afloat', label: 'Afloat' }] },
    { name: 'x_length', kind: 'decimal', scale: 1 }, { name: 'x_double', kind: 'formula', expr: 'x_length * 2' }]) {
    assert.equal((await w.api('POST', '/fields', { entity: 'x_boat', ...f })).status, 201);
  }
  const file = path.join(w.dir, 'package.json');
  writeFileSync(file, await ok('package', 'export'));
  const other = await world();
  try {
    const r = await kith(['package', 'install', file, '--data', other.dir]);
    assert.equal(r.code, 0, r.stderr);
    const made = await other.api('POST', '/x_boats', { x_name: 'Nina', x_length: 8.5, x_state: 'afloat' });
    assert.equal(made.status, 201, made.text);
    assert.equal(made.body.x_double, 17.0);
    const back = await kith(['package', 'export', '--data', other.dir]);
    assert.equal(back.stdout, readFileSync(file, 'utf8'));
    // a second time nothing is to do
    assert.equal((await kith(['package', 'install', file, '--data', other.dir])).code, 0);
  } finally {
    await other.close();
  }
});

test('a backup is restored', { skip: POSTGRES ? 'of SQLite' : false }, async () => {
  const file = path.join(w.dir, 'copy.db');
  await ok('create', 'companies', '{"name": "Kept"}');
  await ok('backup', file);
  await ok('create', 'companies', '{"name": "Lost again"}');
  assert.equal((await shell('restore', file)).code, 1, 'a server is running');
  for (const s of w.servers) await s.stop();
  const damaged = path.join(w.dir, 'damaged.db');
  writeFileSync(damaged, 'no database');
  assert.equal((await shell('restore', damaged)).code, 1);
  assert.match(await ok('query', "companies where name = 'lost again'", '--fields', 'name'), /Lost again/, 'the same command without a server');
  await ok('restore', file);
  assert.match(await ok('query', "companies where name = 'kept'", '--fields', 'name'), /Kept/);
  assert.equal(await ok('query', "companies where name = 'lost again'", '--fields', 'name'), '');
  assert.match(await ok('check'), /0 findings/);
  for (const s of w.servers) await s.start();
});

test('every command tells its help', async () => {
  const all = await kith(['--help']);
  const names = [...all.stdout.matchAll(/^ {2}([a-z]+(?: [a-z]+)?) {2,}/gm)].map((m) => m[1]);
  assert.ok(names.length > 20, all.stdout);
  for (const name of names) {
    const r = await kith([...name.split(' '), '--help']);
    assert.equal(r.code, 0, name);
    assert.match(r.stdout, /usage: kith/);
  }
});

test('the same seed and day make the same business', { skip: POSTGRES ? 'one database is enough' : false }, async () => {
  const outs = [];
  for (let i = 0; i < 2; i++) {
    const other = await world({ serve: false });
    const d = ['--data', other.dir];
    const r = await kith(['demo', '--people', '40', '--seed', '7', '--until', '2026-01-01', ...d]);
    assert.equal(r.code, 0, r.stderr);
    let all = '';
    for (const e of ['users', 'companies', 'contacts', 'tasks', 'calls', 'notes', 'products', 'orders', 'order_lines']) all += (await kith(['export', e, ...d])).stdout;
    outs.push(all.replace(/^.*"email":"admin@.*\n/m, ''));
    await other.close();
  }
  assert.ok(outs[0].length > 10000);
  assert.equal(outs[0], outs[1]);
});
