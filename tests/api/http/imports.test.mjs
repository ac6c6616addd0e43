// Imports of whole files: read, mapped, checked, run as a job, paused, mended, undone.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, world } from '../kith.mjs';

let w;
const get = (path) => w.api('GET', path);
const post = (path, body) => w.api('POST', path, body);

before(async () => { w = await world(); });
after(() => w.close());

async function upload(name, text) {
  const r = await w.request('POST', `/api/v1/files?name=${encodeURIComponent(name)}`, Buffer.from(text), { authorization: `Bearer ${w.token}`, 'content-type': 'text/csv' });
  assert.equal(r.status, 201, r.text);
  return r.body.id;
}

const state = (i) => i.state?.code ?? i.state;

async function settled(id, ...not) {
  return eventually(async () => {
    const r = (await get(`/imports/${id}`)).body;
    return ['reading', 'checking', 'running', ...not].includes(state(r)) ? null : r;
  }, 30);
}

async function begin(entity, name, text, options) {
  const r = await post('/imports', { entity, file: await upload(name, text), options });
  assert.equal(r.status, 201, JSON.stringify(r.body));
  return settled(r.body.id);
}

async function run(id) {
  const r = await post(`/imports/${id}/start`, {});
  assert.equal(r.status, 200, JSON.stringify(r.body));
  return settled(id);
}

const count = async (entity, where) => (await get(`/${entity}/aggregate?measure=count()&where=${encodeURIComponent(where)}`)).body.rows[0]['count()'];

// First, since a sweep that follows the imports below learns other weights from them.
test('duplicates: a row that is probably somebody who is there is queued, rejected or taken for him', async () => {
  const made = await post('/contacts', { first_name: 'Hildegard', last_name: 'Zwiebelturm', birthday: '1957-03-08', emails: ['hilde@same.example'] });
  const file = 'First name;Last name;Birthday;Job title\nHildegart;Zwiebelturm;1957-03-08;Organist\nOlaf;Neumond;1961-11-30;Smith\n';
  await eventually(async () => (await post('/contacts/duplicates', { first_name: 'Hildegard', last_name: 'Zwiebelturm', birthday: '1957-03-08' })).body.items.length === 1, 30);
  const refused = await run((await begin('contacts', 'reject.csv', file, { duplicates: 'reject' })).id);
  assert.deepEqual([refused.created, refused.updated, refused.rejected], [1, 0, 1]);
  assert.match(refused.report.rejects[0].errors[0].message, new RegExp(`^probably the same as contact ${made.body.id} \\(.*last_name.*birthday.*\\)$`));
  const changed = await run((await begin('contacts', 'update.csv', file.split('\n').slice(0, 2).join('\n'), { duplicates: 'update' })).id);
  assert.deepEqual([changed.created, changed.updated, changed.rejected], [0, 1, 0]);
  assert.equal((await get(`/contacts/${made.body.id}`)).body.job_title, 'Organist');
  const queued = await run((await begin('contacts', 'queue.csv', file.split('\n').slice(0, 2).join('\n'), { duplicates: 'queue' })).id);
  assert.deepEqual([queued.created, queued.rejected], [1, 0]);
  assert.equal((await post('/imports', { entity: 'contacts', file: await upload('x.csv', file), options: { duplicates: 'perhaps' } })).status, 201);
  const wrong = await post('/contacts/import', { columns: ['last_name'], rows: [['X']], duplicates: 'perhaps' });
  assert.equal(wrong.status, 422);
  const none = await post('/tasks/import', { columns: ['name'], rows: [['X']], duplicates: 'reject' });
  assert.equal(none.status, 422);
});

test('a file is read: columns with samples, what they mean, how dates and numbers are written', async () => {
  const i = await begin('contacts', 'people.csv', 'Vorname;Nachname;E-Mail geschäftlich;Geb;Geburtstag;Umsatz\n'
    + 'Ana;Müller;ana@example.org;x;31.12.1980;1.234,50\nBo;Li;bo@example.org;y;01.02.1990;12,5\n');
  assert.equal(state(i), 'ready');
  assert.equal(i.rows, 2);
  assert.equal(i.name, 'people.csv');
  const by = Object.fromEntries(i.columns.map((c) => [c.column, c]));
  assert.equal(by.Vorname.field, 'first_name');
  assert.equal(by.Nachname.field, 'last_name');
  assert.equal(by['E-Mail geschäftlich'].field, 'emails[work]'); // by what stands in it
  assert.equal(by.Geb.field, null);
  assert.equal(by.Geburtstag.field, 'birthday');
  assert.equal(by.Geburtstag.format, 'dmy');
  assert.equal(by.Umsatz.decimal, ',');
  assert.deepEqual(by.Vorname.samples, ['Ana', 'Bo']);
  const rows = (await get(`/imports/${i.id}/rows?rows=1`)).body;
  assert.deepEqual(rows.rows, [['Ana', 'Müller', 'ana@example.org', 'x', '31.12.1980', '1.234,50']]);
});

test('a key that comes again far down the file is told by a check as the run does it', async () => {
  const counts = (r) => Object.fromEntries(['created', 'updated', 'unchanged', 'skipped', 'rejected'].map((k) => [k, r[k] ?? 0]));
  const rows = process.env.KITH_TEST_PG ? 300 : 800; // more than the run takes at once
  for (const [mark, options] of [['a', {}], ['b', { keys: ['external_id'] }], ['c', { keys: ['external_id', 'email'] }], ['d', { keys: ['email'], mode: 'create' }], ['e', { keys: [['last_name', 'email']] }]]) {
    const line = (i, name) => `${mark}${i},Rep${name},Eat,rep${i}@${mark}.example`;
    const lines = Array.from({ length: rows }, (_, i) => line(i, i));
    lines.push(line(5, 'Other'), line(7, 7), `,Nobody,Eat,rep9@${mark}.example`, line(rows - 1, 'Near'), ',,,broken', ',,,broken');
    const i = await begin('contacts', 'again.csv', 'external_id,first_name,last_name,email\n' + lines.join('\n') + '\n', options);
    assert.equal((await post(`/imports/${i.id}/check`, {})).status, 200);
    const checked = await settled(i.id), { report } = checked;
    assert.equal(state(checked), 'ready', checked.error);
    const done = await run(i.id);
    assert.deepEqual(counts(report), counts(done), JSON.stringify(options));
    if (mark === 'a') assert.deepEqual(counts(done), { created: rows + 1, updated: 0, unchanged: 0, skipped: 0, rejected: 5 });
    if (mark === 'c') assert.deepEqual(counts(done), { created: rows, updated: 3, unchanged: 1, skipped: 0, rejected: 2 });
    const [told, kept] = [report, done.report].map((r) => r.rejects.map((x) => x.errors.map((e) => e.message)));
    assert.deepEqual(told, kept);
  }
});

test('check, run, find again by key, undo', async () => {
  const first = await begin('contacts', 'a.csv', 'First Name,Last Name,Email,Company,Home City,Work City,Mobile\n'
    + 'Ann,Able,ann@imports.example,Able Ltd,Paris,London,+44 20 7946 0001\nBen,Baker,ben@imports.example,Able Ltd,Rome,,\n',
  { columns: [{ column: 'First Name', field: 'first_name' }, { column: 'Last Name', field: 'last_name' },
    { column: 'Email', field: 'emails[work]' }, { column: 'Company', field: 'company', create: true },
    { column: 'Home City', field: 'addresses[home].city' }, { column: 'Work City', field: 'addresses[work].city' },
    { column: 'Mobile', field: 'phones[mobile]' }], keys: ['email'] });
  const before = await count('contacts', '');
  assert.equal((await post(`/imports/${first.id}/check`, {})).status, 200);
  const checked = await settled(first.id);
  assert.equal(checked.report.check, true);
  assert.equal(checked.report.created, 2, JSON.stringify(checked.report));
  assert.equal(await count('contacts', ''), before, 'a check keeps nothing');
  assert.equal(await count('companies', "name = 'Able Ltd'"), 0);
  const done = await run(first.id);
  assert.equal(state(done), 'done', done.error);
  assert.equal(done.created, 2);
  assert.equal(await count('companies', "name = 'Able Ltd'"), 1, 'made once');
  const ann = (await get(`/contacts?where=${encodeURIComponent("email = 'ann@imports.example'")}&fields=addresses,phones,company,emails`)).body.items[0];
  assert.deepEqual(ann.addresses.map((a) => [a.kind, a.city]), [['home', 'Paris'], ['work', 'London']]);
  assert.equal(ann.phones[0].kind, 'mobile');
  assert.equal(ann.company.name, 'Able Ltd');

  const second = await begin('contacts', 'b.csv', 'First Name,Last Name,Email,Job title\nAnnie,Able,ANN@imports.example,Boss\n,,ben@imports.example,\nCy,Cole,cy@imports.example,\n',
    { keys: ['email'], columns: ['First Name', 'Last Name', 'Email', 'Job title'] });
  await post(`/imports/${second.id}/check`, {});
  const report = (await settled(second.id)).report;
  assert.deepEqual([report.created, report.updated, report.unchanged], [1, 1, 1]);
  assert.deepEqual(report.changes[0].changes.map((c) => [c.field, c.from, c.to]).sort(), [['first_name', 'Ann', 'Annie'], ['job_title', null, 'Boss'], ['name', 'Ann Able', 'Annie Able']].sort());
  const two = await run(second.id);
  assert.deepEqual([two.created, two.updated, two.unchanged], [1, 1, 1]);
  const undo = await post('/undo', { change_set: two.change_set });
  assert.equal(undo.status, 200, JSON.stringify(undo.body));
  assert.equal(await count('contacts', "first_name = 'Ann' and job_title is empty"), 1);
  assert.equal(await count('contacts', "last_name = 'Cole'"), 0);
});

test('rejected rows come back as a file with reasons, and go in once mended', async () => {
  const i = await begin('contacts', 'bad.csv', 'Last Name,Email,Birthday\nGood,good@imports.example,1990-01-02\nBad,not an address,1990-01-02\n"Quoted, ""worse""",fine@imports.example,soon\n=1+1,sum@imports.example,later\n');
  const done = await run(i.id);
  assert.equal(state(done), 'done');
  assert.deepEqual([done.created, done.rejected], [1, 3]);
  assert.equal(done.report.rejects[0].row, 2);
  const r = await w.request('GET', `/api/v1/imports/${i.id}/rejects`, undefined, { authorization: `Bearer ${w.token}` });
  const lines = r.text.trimEnd().split('\n');
  assert.equal(lines[0], 'Last Name,Email,Birthday,why');
  assert.match(lines[1], /^Bad,not an address,1990-01-02,.*email/);
  assert.match(lines[2], /^"Quoted, ""worse""",fine@imports.example,soon,.*birthday/);
  assert.match(lines[3], /^'=1\+1,/); // a spreadsheet in which it is mended runs nothing of it
  const mended = r.text.replace('not an address', 'bad@imports.example').replace(/,(soon|later),/g, ',1999-09-09,');
  const again = await begin('contacts', 'bad.rejects.csv', mended);
  assert.equal(again.columns.find((c) => c.column === 'why').field, null);
  const more = await run(again.id);
  assert.deepEqual([more.created, more.rejected], [3, 0]);
  assert.equal(await count('contacts', "last_name = '=1+1'"), 1);
});

test('rejected JSON lines come back as JSON lines with reasons, and go in once mended', async () => {
  const i = await begin('contacts', 'bad.jsonl', '{"last_name":"Fine","emails":[{"address":"fine@lines.example"}]}\n'
    + '{"last_name":"Bad","emails":[{"address":"nonsense"}]}\nno JSON at all\n');
  const done = await run(i.id);
  assert.equal(done.rejected, 2);
  const r = await w.request('GET', `/api/v1/imports/${i.id}/rejects`, undefined, { authorization: `Bearer ${w.token}` });
  assert.equal(r.headers.get('content-type'), 'application/x-ndjson');
  const [bad, broken, ...none] = r.text.trimEnd().split('\n').map((l) => JSON.parse(l));
  assert.equal(none.length, 0);
  assert.match(bad.why, /@ is missing/);
  assert.equal(bad.last_name, 'Bad');
  assert.equal(broken.line, 'no JSON at all');
  bad.emails[0].address = 'mended@lines.example';
  const again = await run((await begin('contacts', 'mended.jsonl', JSON.stringify(bad) + '\n')).id);
  assert.deepEqual([again.created, again.rejected], [1, 0], JSON.stringify(again.report));
});

test('JSON lines', async () => {
  const i = await begin('contacts', 'a.jsonl', '{"last_name":"Lines","emails":["lines@imports.example"]}\n\n{"last_name":4}\nnot json\n');
  const done = await run(i.id);
  assert.deepEqual([done.rows, done.created, done.rejected], [3, 1, 2], JSON.stringify(done));
});

async function pausedAtWork(n, name) {
  const rows = Array.from({ length: n }, (_, k) => `${name}${k},${name}${k}@imports.example`);
  const i = await begin('contacts', 'many.csv', 'Last Name,Email\n' + rows.join('\n') + '\n');
  assert.equal(i.rows, n);
  await post(`/imports/${i.id}/start`, {});
  await eventually(async () => (await get(`/imports/${i.id}`)).body.position > 0, 20);
  const paused = await post(`/imports/${i.id}/pause`, {});
  assert.equal(paused.status, 200, JSON.stringify(paused.body));
  const at = (await get(`/imports/${i.id}`)).body;
  assert.equal(state(at), 'paused');
  return at;
}

test('paused and gone on with: no row lost, none doubled', async () => {
  const at = await pausedAtWork(6000, 'Many');
  const done = await run(at.id);
  assert.equal(done.created, 6000);
  assert.equal(await count('contacts', "last_name like 'Many%'"), 6000);
});

test('what was in of a paused import is taken back, and it does not go on', async () => {
  const at = await pausedAtWork(6000, 'Half');
  const undo = await eventually(async () => {
    const r = await post('/undo', { change_set: at.change_set });
    return r.status === 409 ? null : r; // the job that was told to stop may still end its step
  }, 20);
  assert.ok([200, 202].includes(undo.status), JSON.stringify(undo.body));
  await eventually(async () => (await count('contacts', "last_name like 'Half%'")) === 0, 30);
  const again = await post(`/imports/${at.id}/start`, {});
  assert.equal(again.status, 409);
  assert.match(again.body.errors?.[0]?.message ?? again.body.detail, /has been undone/);
});

test('a large import is undone by a job, which tells what it had to leave', async () => {
  const n = 2500;
  const i = await begin('contacts', 'large.csv', 'Last Name,Email\n' + Array.from({ length: n }, (_, k) => `Large${k},large${k}@imports.example`).join('\n') + '\n');
  const done = await run(i.id);
  assert.equal(done.created, n);
  const kept = (await get(`/contacts?where=${encodeURIComponent("last_name = 'Large7'")}`)).body.items[0];
  const change = await w.api('PATCH', `/contacts/${kept.id}`, { job_title: 'Booked since' });
  const undo = await post('/undo', { change_set: done.change_set });
  assert.equal(undo.status, 202, JSON.stringify(undo.body));
  const ended = () => eventually(async () => {
    const j = (await get(`/jobs/${undo.body.job}`)).body;
    return ['waiting', 'running'].includes(j.state) ? null : j;
  }, 30);
  const job = await ended();
  assert.equal(job.state, 'done', job.error);
  assert.equal(job.result.left, 1);
  assert.match(job.result.errors[0].message, /was changed again/);
  assert.equal(await count('contacts', "last_name like 'Large%'"), 1);
  assert.equal(change.status, 200);
  await post('/undo', { change_set: (await get(`/contacts/${kept.id}/history`)).body.items[0].change_set });
  const again = await post('/undo', { change_set: done.change_set });
  assert.equal(again.status, 202);
  const second = await eventually(async () => {
    const j = (await get(`/jobs/${again.body.job}`)).body;
    return ['waiting', 'running'].includes(j.state) ? null : j;
  }, 30);
  assert.equal(second.result.left, 0, JSON.stringify(second.result));
  assert.equal(await count('contacts', "last_name like 'Large%'"), 0);
  assert.equal((await post('/undo', { change_set: done.change_set })).status, 409, 'undone once');
});

// A spreadsheet made by hand: parts stored without compression, as the format allows.
function zip(parts) {
  const table = Array.from({ length: 256 }, (_, n) => { let c = n; for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1; return c >>> 0; });
  const crc = (b) => { let c = 0xffffffff; for (const x of b) c = table[(c ^ x) & 255] ^ (c >>> 8); return (c ^ 0xffffffff) >>> 0; };
  const files = [], central = [];
  let at = 0;
  for (const [name, text] of Object.entries(parts)) {
    const body = Buffer.from(text), n = Buffer.from(name);
    const head = Buffer.alloc(30), mid = Buffer.alloc(46);
    head.writeUInt32LE(0x04034b50, 0); head.writeUInt16LE(20, 4); head.writeUInt32LE(crc(body), 14);
    head.writeUInt32LE(body.length, 18); head.writeUInt32LE(body.length, 22); head.writeUInt16LE(n.length, 26);
    mid.writeUInt32LE(0x02014b50, 0); mid.writeUInt16LE(20, 6); mid.writeUInt32LE(crc(body), 16);
    mid.writeUInt32LE(body.length, 20); mid.writeUInt32LE(body.length, 24); mid.writeUInt16LE(n.length, 28); mid.writeUInt32LE(at, 42);
    files.push(head, n, body); central.push(mid, n);
    at += 30 + n.length + body.length;
  }
  const size = central.reduce((s, b) => s + b.length, 0), end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0); end.writeUInt16LE(central.length / 2, 8); end.writeUInt16LE(central.length / 2, 10);
  end.writeUInt32LE(size, 12); end.writeUInt32LE(at, 16);
  return Buffer.concat([...files, ...central, end]);
}

const book = (rows, shared, more = '') => zip({
  'xl/worksheets/sheet1.xml': `<?xml version="1.0"?><worksheet><sheetData>${rows}</sheetData></worksheet>`,
  'xl/workbook.xml': '<workbook xmlns:r="r"><sheets><sheet name="People" sheetId="1" r:id="rId7"/></sheets></workbook>',
  'xl/_rels/workbook.xml.rels': '<Relationships><Relationship Id="rId7" Target="worksheets/sheet1.xml"/></Relationships>',
  'xl/styles.xml': '<styleSheet><numFmts><numFmt numFmtId="170" formatCode="dd/mm/yyyy"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="170"/></cellXfs></styleSheet>',
  'xl/sharedStrings.xml': `<sst>${more}${shared.map((t) => `<si><t>${t}</t></si>`).join('')}</sst>`,
});

test('a spreadsheet: shared texts, dates by style, gaps, numbers as they are shown', async () => {
  const i = await begin('contacts', 'people.xlsx', book('<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="C1" t="s"><v>2</v></c><c r="D1" t="inlineStr"><is><t>Description</t></is></c></row>'
    + '<row r="2"><c r="A2" t="s"><v>3</v></c><c r="B2" s="1"><v>29586</v></c><c r="D2"><v>0.10000000000000001</v></c></row>'
    + '<row r="5"><c r="A5" t="inlineStr"><is><r><t>Rich </t></r><r><t>Text</t></r></is></c><c r="B5" s="2"><v>60</v></c><c r="C5" t="str"><v>rich@imports.example</v></c><c r="D5" t="e"><v>#N/A</v></c></row>',
  ['Last name', 'Birthday', 'Email', 'M&amp;ller']));
  assert.equal(state(i), 'ready', i.error);
  assert.equal(i.rows, 2);
  const rows = (await get(`/imports/${i.id}/rows`)).body.rows;
  assert.deepEqual(rows, [['M&ller', '1980-12-31', '', '0.1'], ['Rich Text', '1900-02-28', 'rich@imports.example']].map((r) => r), JSON.stringify(rows));
  const done = await run(i.id);
  assert.deepEqual([done.created, done.rejected], [2, 0], JSON.stringify(done.report));
});

test('a spreadsheet that means harm, or is none, says so', async () => {
  const lol = `<!DOCTYPE sst [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>`;
  const bomb = zip({ ...{ 'xl/workbook.xml': `${lol}<workbook><sheets/></workbook>` } });
  for (const [bytes, why] of [[bomb, /entities/], [zip({ a: 'b' }), /not a spreadsheet/], [Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(500, 7)]), /damaged|not a spreadsheet/]]) {
    const i = await begin('contacts', 'bad.xlsx', bytes);
    assert.equal(state(i), 'failed');
    assert.match(i.error, why);
  }
  for (const [name, bytes, why] of [['cat.csv', Buffer.from('\x89PNG\r\n\x1a\na,b\n1,2\n', 'latin1'), /no table but image\/png/], ['old.xls', Buffer.from('\xd0\xcf\x11\xe0\xa1\xb1,\n', 'latin1'), /save it as \.xlsx/]]) {
    const i = await begin('contacts', name, bytes);
    assert.deepEqual([state(i), why.test(i.error)], ['failed', true], i.error);
  }
});

test('vCards', async () => {
  const i = await begin('contacts', 'cards.vcf', 'BEGIN:VCARD\r\nVERSION:3.0\r\nN:Card;Ana;;Dr.;\r\nEMAIL;TYPE=WORK:ana.card@imports.example\r\nEMAIL;TYPE=HOME,PREF:home.card@imports.example\r\nTEL;TYPE=CELL:+49 170 1234567\r\nADR;TYPE=HOME:;;Hauptstr. 1;Köln;;50667;Germany\r\nBDAY:19801231\r\nORG:Card Ltd;Sales\r\nCATEGORIES:one,two\r\nNOTE:a\\, b\\nc\r\nEND:VCARD\r\n'
    + 'BEGIN:VCARD\nVERSION:2.1\nFN;ENCODING=QUOTED-PRINTABLE:J=C3=B6rg Mei=\n=C3=9Fner\nEND:VCARD\n');
  assert.equal(state(i), 'ready', i.error);
  const done = await run(i.id);
  assert.deepEqual([done.created, done.rejected], [2, 0], JSON.stringify(done.report));
  const ana = (await get(`/contacts?where=${encodeURIComponent("email = 'home.card@imports.example'")}`)).body.items[0];
  assert.deepEqual(ana.emails.map((e) => [e.address, e.kind, e.primary]), [['ana.card@imports.example', 'work', false], ['home.card@imports.example', 'home', true]]);
  assert.equal(ana.birthday, '1980-12-31');
  assert.equal(ana.department, 'Sales');
  assert.equal(await count('contacts', "name = 'Jörg Meißner'"), 1);
});

test('columns are known by their names, whatever the order, and those not named stay as they were found', async () => {
  const text = 'Full name,E-Mail,Born,Firm,City\nAda Named,ada.named@imports.example,13/01/1960,Named Ltd,Paris\n';
  const i = await begin('contacts', 'named.csv', text, { columns: [{ column: 'Firm', field: 'company', create: true }, { column: 'Born', field: 'birthday', format: 'dmy' }] });
  const done = await run(i.id);
  assert.deepEqual([done.created, done.rejected], [1, 0], JSON.stringify(done.report));
  const ada = (await get(`/contacts?where=${encodeURIComponent("email = 'ada.named@imports.example'")}`)).body.items[0];
  assert.deepEqual([ada.name, ada.birthday, ada.company.name, ada.city], ['Ada Named', '1960-01-13', 'Named Ltd', 'Paris']);
  const wrong = await begin('contacts', 'named.csv', text, { columns: [{ column: 'NoSuch', field: 'name' }] });
  const refused = await post(`/imports/${wrong.id}/start`, {});
  assert.equal(refused.status, 422, JSON.stringify(refused.body));
  assert.match(refused.body.detail, /no column "NoSuch"/);
});

test('dates are read as most of their column is written, a year of four digits first in any', async () => {
  const text = 'Last Name,Email,Birthday\nOne,one@dates.example,24.12.1980\nTwo,two@dates.example,1.2.1981\nThree,three@dates.example,soon\nFour,four@dates.example,1982-05-06\nFive,five@dates.example,31.4.1983\n';
  const i = await begin('contacts', 'dates.csv', text);
  assert.equal(i.columns.find((c) => c.column === 'Birthday').format, 'dmy');
  const done = await run(i.id);
  assert.deepEqual([done.created, done.rejected], [3, 2], JSON.stringify(done.report));
  for (const r of done.report.rejects) assert.deepEqual(r.errors.map((e) => [e.field, e.message]), [['birthday', 'is not a date written like 31.12.2026, the format of its column']]);
  const born = (await get(`/contacts?where=${encodeURIComponent("email like '%@dates.example'")}&sort=id&fields=birthday`)).body.items.map((c) => c.birthday);
  assert.deepEqual(born, ['1980-12-24', '1981-02-01', '1982-05-06']);
  // the format of the column is what was wrong: the reason says so, and the rejected rows go in once it is chosen anew
  const wrong = await begin('contacts', 'us.csv', 'Last Name,Email,Birthday\nSix,six@dates.example,12/24/1980\n', { columns: [{ column: 'Last Name', field: 'last_name' }, { column: 'Birthday', field: 'birthday', format: 'dmy' }] });
  assert.match((await run(wrong.id)).report.rejects[0].errors[0].message, /written like 31\.12\.2026/);
});

test('what is wrong is said before it begins', async () => {
  for (const [body, field] of [
    [{ entity: 'dragons', file: await upload('x.csv', 'a\n1\n') }, 'entity'],
    [{ entity: 'contacts' }, 'file'],
    [{ entity: 'contacts', file: 99999 }, 'file'],
  ]) {
    const r = await post('/imports', body);
    assert.ok([422, 404].includes(r.status), JSON.stringify(r.body));
    if (r.status === 422) assert.equal(r.body.errors[0].field, field);
  }
  const empty = await begin('contacts', 'empty.csv', '');
  assert.equal(state(empty), 'failed');
  assert.match(empty.error, /no rows/);
  const open = await begin('contacts', 'open.csv', 'a,b\n"never,closed\n');
  assert.equal(state(open), 'failed');
  assert.match(open.error, /line 2 never closes/);
  const i = await begin('contacts', 'ok.csv', 'Last Name\nX\n', { columns: [{ column: 'Last Name', field: 'shoe_size' }] });
  const r = await post(`/imports/${i.id}/start`, {});
  assert.equal(r.status, 422);
  assert.match(r.body.detail ?? r.body.errors[0].message, /shoe_size/);
});

test('a choice is known by its label in the language of who imports', async () => {
  const me = (await get('/me')).body.user.id;
  assert.equal((await w.api('PATCH', `/users/${me}`, { language: 'de' })).status, 200);
  const r = (await post('/contacts/import', { columns: ['last_name', 'lifecycle'], rows: [['Deutsch', 'kunde'], ['Beides', 'customer'], ['Keins', 'Mondschein']] })).body;
  await w.api('PATCH', `/users/${me}`, { language: 'en' });
  assert.deepEqual((await get(`/contacts?where=${encodeURIComponent("last_name in ('Deutsch', 'Beides')")}&fields=lifecycle`)).body.items.map((x) => x.lifecycle), ['customer', 'customer']);
  assert.match(r.warnings[0].message, /„Mondschein“ ist keines von: .*Kunde/);
});
