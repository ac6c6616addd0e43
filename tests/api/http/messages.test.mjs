// Mails: texts, tests, what the other side says, signatures, links and opens, reports of failure.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import net from 'node:net';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import { eventually, words, world } from '../kith.mjs';
import { parseMail, Sink } from '../smtp.mjs';

let w, sink, server, sender, template, ada;
const { get, made, ok, clock } = words(() => w);
const begun = Date.now(), later = (seconds) => clock(new Date(begun + seconds * 1000).toISOString());
const arrived = (n) => eventually(async () => sink.mails.length >= n && sink.mails, 20);

before(async () => {
  w = await world();
  sink = await new Sink().start();
  server = await made('mail_servers', { name: 'Sink', host: '127.0.0.1', port: sink.port, security: 'none', connections: 3 });
  sender = await made('mail_senders', { name: 'Müller & Söhne', address: 'hello@shop.example', bounces: 'bounces@shop.example', server });
  template = await made('mail_templates', { name: 'Hello', subject: 'Für {{ contact.first_name | default: "Sie" }}',
    html: '<html><body><h1>Dear {{ contact.first_name | default: "friend" }},</h1><p>a <a href="https://shop.example/tea?a=1&amp;b=2">tea</a> & more.\n.dot</p></body></html>' });
  ada = await made('contacts', { first_name: 'Ada', last_name: 'Lovelace', emails: [{ address: 'ada@mail.example' }] });
});
after(async () => { if (process.env.SHOW) console.log(w.servers.map((s) => s.log).join('\n')); await w.close(); await sink.stop(); });

test('a text is checked when it is saved, and shown as a person would get it', async () => {
  const bad = await w.api('POST', '/mail_templates', { name: 'Bad', subject: '{{ contact.fist_name }}', html: 'x' });
  assert.equal(bad.status, 422, bad.text);
  assert.equal(bad.body.errors[0].field, 'subject');
  assert.match(bad.body.errors[0].message, /line 1: contact\.fist_name/);
  assert.equal((await w.api('POST', '/mail_templates', { name: 'Bad', subject: 'x' })).status, 422, 'a text it needs');
  const shown = await ok(`/mail_templates/${template}/preview`, { person: ada });
  assert.equal(shown.subject, 'Für Ada');
  assert.match(shown.html, /<h1>Dear Ada,<\/h1>/);
  assert.match(shown.text, /^Dear Ada,\n\na tea \(https:\/\/shop\.example\/tea\?a=1&b=2\) & more\. \.dot/);
  const nobody = await ok(`/mail_templates/${template}/preview`, { subject: 'new {{ contact.last_name }}' });
  assert.deepEqual([nobody.subject, nobody.missing], ['new [contact.last_name]', 'contact.last_name'], 'with nobody the name stands for the value');
  const poor = await made('contacts', { last_name: 'Poor' });
  const gaps = await ok(`/mail_templates/${template}/preview`, { person: poor, subject: '{{ contact.first_name }}{{ contact.city }}', html: '<p>{{ contact.city }} {{ contact.last_name }} {{ contact.first_name | default: "x" }}{{ contact.phone }} {{ sender.name }}</p>' });
  assert.deepEqual([gaps.subject, gaps.missing], ['', 'contact.first_name, contact.city, contact.phone'], 'all of them are named, once');
  assert.match(gaps.html, /Müller &amp; Söhne/, 'by the sender that a test would go by');
  const other = await made('mail_senders', { name: 'Other', address: 'other@shop.example', server });
  assert.match((await ok(`/mail_templates/${template}/preview`, { html: '{{ sender.name }} {{ sender.address }}', sender: other })).html, /Other other@shop\.example/);
  await w.api('DELETE', `/mail_senders/${other}`);
  assert.equal((await w.api('POST', `/mail_templates/${template}/preview`, { sender: other })).status, 404);
});

test('a test goes out through the server, once, whole', async () => {
  await ok(`/mail_templates/${template}/test`, { sender, to: 'Me@Here.example', person: ada });
  const [mail] = await arrived(1);
  assert.equal(mail.to, 'me@here.example');
  assert.match(mail.from, /^bounces\+[0-9a-f]{36,}@shop\.example$/);
  const m = parseMail(mail.data);
  assert.equal(m.headers.subject, 'Für Ada');
  assert.equal(m.headers.from, 'Müller & Söhne <hello@shop.example>');
  assert.match(m.headers['message-id'], /^<[0-9a-f]{32}@shop\.example>$/);
  assert.match(m.headers.date, / \+0000$/);
  assert.match(m.html, /Dear Ada/);
  assert.match(m.html, /more\.\r?\n\.dot/, 'a dot at the beginning of a line survives');
  assert.match(m.plain, /Dear Ada/);
  assert.equal(m.headers['list-unsubscribe'], undefined, 'it has no purpose to unsubscribe from');
  for (const line of mail.data.split('\r\n')) assert.ok(line.length <= 998);
  await new Promise((r) => setTimeout(r, 300));
  assert.equal(sink.mails.length, 1);
  await eventually(async () => (await get(`/mail_servers/${server}`)).state === 'ok', 5);
});

test('a server can be tried without a mail, and the step that fails is told in words', async () => {
  const cert = execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', '-', '-out', '-', '-subj', '/CN=else.example', '-days', '2'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const secret = tls.createServer({ key: cert, cert }, (s) => { s.on('error', () => {}); new Sink().serve(s); });
  secret.on('tlsClientError', () => {});
  await new Promise((done) => secret.listen(0, '127.0.0.1', done));
  const shut = net.createServer();
  await new Promise((done) => shut.listen(0, '127.0.0.1', done));
  const nobody = shut.address().port;
  await new Promise((done) => shut.close(done));
  const strict = await new Sink().start();
  Object.assign(strict, { offers: ['AUTH PLAIN'], auth: (line) => (Buffer.from(line.split(' ')[2], 'base64').toString() === '\0ada\0right' ? '235 ok' : '535 5.7.8 no such user') });
  const id = await made('mail_servers', { name: 'Tried', host: '127.0.0.1', port: strict.port, security: 'none', username: 'ada' });
  const tried = async (change) => {
    if (change) assert.equal((await w.api('PATCH', `/mail_servers/${id}`, change)).status, 200);
    const { job } = await ok(`/mail_servers/${id}/check`);
    const end = await eventually(async () => { const j = await get(`/jobs/${job}`); return j.state === 'done' && j; }, 40);
    const s = await get(`/mail_servers/${id}`);
    assert.deepEqual([s.state, !!s.error], end.result.ok ? ['ok', false] : ['failing', true], 'its record says the same');
    return [end.result.ok, end.result.step, end.result.message];
  };
  const told = async (change, good, step, words) => {
    const r = await tried(change);
    assert.deepEqual(r.slice(0, 2), [good, step], r[2]);
    assert.match(r[2], words);
  };
  await ok(`/mail_servers/${id}/set_password`, { password: 'wrong' });
  await told(null, false, 'sign_in', /127\.0\.0\.1 refuses the user name ada or its password: .*535 5\.7\.8 no such user/);
  await ok(`/mail_servers/${id}/set_password`, { password: 'right' });
  await told(null, true, 'done', /ada may sign in; the connection is not encrypted/);
  assert.equal(strict.begun, 0, 'nothing was sent');
  await told({ security: 'starttls' }, false, 'hello', /does not offer STARTTLS/);
  strict.offers = [];
  await told({ security: 'none' }, false, 'hello', /no way of signing in/);
  strict.greeting = '554 not you';
  await told(null, false, 'greeting', /does not want to talk with this machine: .*554 not you/);
  await told({ security: 'tls', port: strict.port }, false, 'tls', /no TLS from the start on port \d+/);
  await told({ port: secret.address().port }, false, 'tls', /certificate of 127\.0\.0\.1 is not accepted: .*(not trusted|does not match)/i);
  await told({ any_certificate: true, username: null }, true, 'done', /nobody signs in/);
  await told({ port: nobody }, false, 'connect', /takes no connections on port/);
  await told({ host: 'no-such-name.invalid' }, false, 'name', /no-such-name\.invalid is not found/);
  const mute = net.createServer((s) => { s.on('error', () => {}); mute.unref(); });
  await new Promise((done) => mute.listen(0, '127.0.0.1', done));
  await told({ host: '127.0.0.1', port: mute.address().port, security: 'none' }, false, 'greeting', /says nothing/);
  secret.close();
  mute.close();
  await strict.stop();
});

test('a test says nothing in the name of the person it shows, and shows nobody to whom may not choose', async () => {
  const choose = await made('mail_templates', { name: 'Choose', subject: 'x', html: '<p>{{ contact.first_name }} <a href="{{ links.preferences }}">Choose</a></p>' });
  const n = sink.mails.length;
  await ok(`/mail_templates/${choose}/test`, { sender, to: 'else@mail.example', person: ada });
  const link = /href="([^"]+)"/.exec(parseMail((await arrived(n + 1)).at(-1).data).html)[1];
  assert.equal((await fetch(w.servers[0].url + new URL(link).pathname)).status, 404);
  const clerk = await w.user('clerk@here.example', ['mail_template', 'contact', 'mail_sender'].map((entity) => ({ entity, read: 'all', actions: 'test' })));
  const r = await clerk.api('POST', `/mail_templates/${choose}/test`, { sender, to: 'clerk@here.example', person: ada });
  assert.deepEqual([r.status, r.body.errors?.[0]?.field], [403, 'person'], r.text);
});

test('a name cannot bring headers along', async () => {
  const n = sink.mails.length;
  const evil = await made('contacts', { first_name: 'Eve\r\nBcc: all@mail.example', last_name: '=?utf-8?B?eA==?=', emails: ['eve@mail.example'] });
  await ok(`/mail_templates/${template}/test`, { sender, to: 'eve@mail.example', person: evil });
  const mail = (await arrived(n + 1)).at(-1), m = parseMail(mail.data);
  assert.equal(m.headers.bcc, undefined);
  assert.match(m.headers.subject, /Eve.*Bcc: all/);
  for (const bad of ['x@y.example\r\nRCPT TO:<z@y.example>', 'a b@y.example', '<x>@y.example', 'no address']) {
    assert.equal((await w.api('POST', `/mail_templates/${template}/test`, { sender, to: bad })).status, 422, bad);
  }
});

test('a signature holds', { skip: !hasDkim() && 'python3-dkim is not installed' }, async () => {
  const domain = await made('mail_domains', { name: 'shop.example' });
  const { job } = await ok(`/mail_domains/${domain}/make_key`);
  await eventually(async () => (await get(`/jobs/${job}`)).state === 'done', 20);
  const { record } = await get(`/mail_domains/${domain}`);
  assert.match(record, /^v=DKIM1; k=rsa; p=[A-Za-z0-9+/=]{300,}$/);
  const n = sink.mails.length;
  await ok(`/mail_templates/${template}/test`, { sender, to: 'signed@mail.example', person: ada });
  const mail = (await arrived(n + 1)).at(-1);
  assert.match(mail.data, /^DKIM-Signature: v=1; a=rsa-sha256; c=relaxed\/relaxed; d=shop\.example; s=kith;/);
  const verify = (text) => execFileSync('/usr/bin/python3', ['-c', `
import dkim, sys
asked = []
def dns(name, timeout=5):
    asked.append(name)
    return sys.argv[1].encode()
print(dkim.verify(sys.stdin.buffer.read(), dnsfunc=dns), asked[0].decode())`, record], { input: text }).toString().trim();
  assert.equal(verify(mail.data), 'True kith._domainkey.shop.example.');
  assert.match(verify(mail.data.replace('Dear Ada', 'Dear Eve')), /^False/);
  assert.equal((await w.api('DELETE', `/mail_domains/${domain}`)).status, 204);
});

test('what the other side puts off comes again, what it refuses does not', async () => {
  const n = sink.mails.length;
  let asked = 0, refused = 0;
  await later(0);
  sink.rcpt = (to) => {
    if (to.startsWith('later')) return asked++ ? '250 ok' : '451 4.7.1 try again later';
    if (to.startsWith('never')) { refused++; return '550 5.1.1 no such user'; }
    return '250 ok';
  };
  await ok(`/mail_templates/${template}/test`, { sender, to: 'later@mail.example' });
  await ok(`/mail_templates/${template}/test`, { sender, to: 'never@mail.example' });
  await ok(`/mail_templates/${template}/test`, { sender, to: 'fine@mail.example' });
  await arrived(n + 1);
  assert.deepEqual(sink.mails.slice(n).map((m) => m.to), ['fine@mail.example']);
  assert.equal(asked, 1);
  await later(59);
  await new Promise((r) => setTimeout(r, 2500)); // longer than a worker sleeps
  assert.equal(asked, 1, 'not before its minute is over');
  await later(62);
  await arrived(n + 2);
  await later(3600);
  await new Promise((r) => setTimeout(r, 2500));
  assert.deepEqual(sink.mails.slice(n).map((m) => m.to), ['fine@mail.example', 'later@mail.example']);
  assert.deepEqual([asked, refused], [2, 1], 'what was refused is not offered again');
  sink.rcpt = () => '250 ok';
  await clock(null);
});

test('a mailbox for refusals has a name that leaves room for who it is about', async () => {
  const long = await w.api('POST', '/mail_senders', { name: 'Long', address: 'x@shop.example', bounces: 'refusals-to-us@shop.example', server });
  assert.deepEqual([long.status, long.body.errors?.[0]?.field], [422, 'bounces'], long.text);
  assert.match(long.text, /at most 10/);
  const id = await made('mail_senders', { name: 'Ten', address: 'x@shop.example', bounces: 'refusals12@shop.example', server });
  assert.equal((await w.api('PATCH', `/mail_senders/${id}`, { bounces: 'refusals123@shop.example' })).status, 422);
  const n = sink.mails.length;
  await ok(`/mail_templates/${template}/test`, { sender: id, to: 'ten@mail.example' });
  const from = (await arrived(n + 1)).at(-1).from;
  assert.match(from, /^refusals12\+[0-9a-f]+@/);
  assert.ok(from.indexOf('@') <= 64);
});

test('a refusal holds, though the server hangs up behind it', async (t) => {
  const rude = await new Sink().start();
  t.after(async () => { await rude.stop(); await clock(null); });
  let asked = 0;
  rude.rcpt = (to) => to.startsWith('never') ? (asked++, '550 5.1.1 no such user') : '250 ok';
  rude.dataRefused = null;
  await later(0);
  const s = await made('mail_servers', { name: 'Rude', host: '127.0.0.1', port: rude.port, security: 'none', connections: 1 });
  const from = await made('mail_senders', { name: 'Rude', address: 'x@shop.example', server: s });
  await ok(`/mail_templates/${template}/test`, { sender: from, to: 'never@mail.example' });
  await eventually(async () => asked === 1, 10);
  await eventually(async () => (await get(`/mail_servers/${s}`)).state, 10); // what became of it is noted: the clock may go on
  await later(62);
  await ok(`/mail_templates/${template}/test`, { sender: from, to: 'fine@mail.example' });
  await eventually(async () => rude.mails.length === 1, 10);
  await new Promise((r) => setTimeout(r, 1500));
  assert.equal(asked, 1, 'it is not offered again');
});

test('a server that does not answer, or refuses the password, is told; it is tried again later', async (t) => {
  await later(0);
  const gone = await made('mail_servers', { name: 'Gone', host: '127.0.0.1', port: 9, security: 'none' });
  const from = await made('mail_senders', { name: 'Gone', address: 'x@shop.example', server: gone });
  await ok(`/mail_templates/${template}/test`, { sender: from, to: 'x@mail.example' });
  const failing = await eventually(async () => { const s = await get(`/mail_servers/${gone}`); return s.state === 'failing' && s; }, 20);
  assert.match(failing.error, /cannot be reached/);
  const strict = await new Sink().start();
  t.after(() => strict.stop());
  strict.offers = ['AUTH PLAIN LOGIN'];
  let word;
  strict.auth = (line) => { word = Buffer.from(line.split(' ')[2], 'base64').toString(); return word === '\0me\0secret' ? '235 ok' : '535 5.7.8 wrong'; };
  const locked = await made('mail_servers', { name: 'Locked', host: '127.0.0.1', port: strict.port, security: 'none', username: 'me' });
  const mine = await made('mail_senders', { name: 'Locked', address: 'x@shop.example', server: locked });
  await ok(`/mail_servers/${locked}/set_password`, { password: 'wrong' });
  await ok(`/mail_templates/${template}/test`, { sender: mine, to: 'x@mail.example' });
  await eventually(async () => /535 5\.7\.8 wrong/.test((await get(`/mail_servers/${locked}`)).error), 20);
  await ok(`/mail_servers/${locked}/set_password`, { password: 'secret' });
  const record = await get(`/mail_servers/${locked}`);
  assert.equal(record.has_password, true);
  assert.ok(!JSON.stringify(record).includes('secret'));
  assert.deepEqual(strict.mails, []);
  await later(62);
  await eventually(async () => (await get(`/mail_servers/${locked}`)).state === 'ok', 20);
  assert.deepEqual(strict.mails.map((m) => m.to), ['x@mail.example']);
  assert.equal((await get(`/mail_servers/${locked}`)).error, null);
  await clock(null);
});

function hasDkim() {
  try { execFileSync('/usr/bin/python3', ['-c', 'import dkim']); return true; } catch { return false; }
}
