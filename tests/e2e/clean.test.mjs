// clean.test.mjs - duplicates found, merged, put aside; notices while typing and on a record; the quality of the data.
import assert from 'node:assert/strict';
import { api, e2e, hands, look, serve, step, until, visit } from './server.mjs';

serve({ people: 60 });

const twin = { first_name: 'Ottilie', last_name: 'Musterfrau', birthday: '1971-07-07', emails: [{ address: 'ottilie@muster.example' }], phones: [{ number: '+493077777777' }] };
const made = async (plural, record) => { const r = await api('POST', '/' + plural, record); assert.equal(r.status, 201, JSON.stringify(r.body)); return r.body; };
const open = async () => (await api('GET', '/duplicates?sort=-probability&where=' + encodeURIComponent("state = 'open'"))).body.items;
const contacts = async (where) => (await api('GET', '/contacts?where=' + encodeURIComponent(where))).body.items;
const merge = (name = 'Merge…') => e2e.page.getByRole('button', { name, exact: true });
let first, second;

step('nothing to look at: the queue says so', async () => {
  const { page } = e2e;
  await visit('/duplicates');
  await page.getByText('No pair waits to be looked at.').waitFor();
  await look('duplicates-none');
  await visit('/');
  await page.getByRole('heading', { name: /Hello/ }).waitFor();
  assert.equal(await page.getByText(/may be the same/).count(), 0);
});

step('merge a pair: three from the home page, and back', async () => {
  const { page } = e2e;
  first = await made('contacts', twin);
  second = await made('contacts', { ...twin, first_name: 'Otti', job_title: 'Captain', emails: [{ address: 'otti@boats.example' }], tags: ['sailor'] });
  await made('tasks', { title: 'Call Otti', contact: second.id });
  await until(async () => (await open()).length === 1);
  await visit('/');
  const h = hands();
  await h.click(page.getByRole('link', { name: '1 pair may be the same' }));
  await page.getByText(/likely to be the same/).waitFor();
  await h.press('m');
  await page.getByRole('heading', { name: 'Merge Contacts' }).waitFor();
  await page.getByRole('button', { name: 'Merge 2 records' }).and(page.locator(':focus')).waitFor();
  await h.press('Enter');
  await page.getByText('2 records are one now: Ottilie Musterfrau.').waitFor();
  assert.ok(h.n <= 3, `${h.n} clicks and keys`);
  await page.getByText('No pair waits to be looked at.').waitFor();
  const one = (await contacts("last_name = 'Musterfrau'"));
  assert.deepEqual(one.map((r) => [r.id, r.job_title, r.emails.length]), [[first.id, 'Captain', 2]]);
  await page.getByRole('button', { name: 'Undo' }).click();
  await until(async () => (await contacts("last_name = 'Musterfrau'")).length === 2);
  await until(async () => (await open()).length === 1);
});

step('the queue: side by side with reasons, put aside by key and taken back', async () => {
  const { page } = e2e;
  await visit('/duplicates');
  await page.getByText('Birthday: the same').waitFor();
  await page.getByRole('row', { name: /First name Ottilie Otti/ }).waitFor();
  await look('duplicates');
  await page.keyboard.press('d');
  await page.getByText('Ottilie Musterfrau and Otti Musterfrau are not the same.').waitFor();
  await page.getByText('No pair waits to be looked at.').waitFor();
  assert.equal((await open()).length, 0);
  await page.keyboard.press('z');
  await page.getByText('Birthday: the same').waitFor();
  assert.equal((await open()).length, 1);
  // a second pair, of companies, to go to by key
  for (const name of ['Nordwind Segel GmbH', 'Nordwind Segel AG']) await made('companies', { name, addresses: [{ city: 'Kiel', postcode: '24103', street: 'Hafen 1' }], phones: [{ number: '+49431999888' }] });
  await until(async () => (await open()).length === 2);
  await page.reload();
  const places = page.getByRole('list', { name: 'Duplicates' }).getByRole('button');
  await places.nth(1).waitFor();
  await page.keyboard.press('j');
  await places.nth(1).and(page.locator('[aria-current=true]')).waitFor();
  await page.keyboard.press('k');
  await places.first().and(page.locator('[aria-current=true]')).waitFor();
  await page.getByText('Companies', { exact: true }).last().click();
  await page.waitForURL(/of=company/);
  await places.filter({ hasText: 'Nordwind' }).waitFor();
  assert.equal(await places.count(), 1);
});

step('all records looked at, with its progress', async () => {
  const { page } = e2e;
  await visit('/duplicates?of=contact');
  await page.getByRole('button', { name: 'Look at all records' }).click();
  await page.getByText(/62 records were looked at; 1 pair/).waitFor();
});

step('the merge screen: another survivor, a value of the other, lists united, what moves', async () => {
  const { page } = e2e;
  await visit(`/e/contacts?where=${encodeURIComponent("last_name = 'Musterfrau'")}`);
  await page.getByRole('grid').getByText('Otti Musterfrau').waitFor();
  await page.getByRole('checkbox', { name: 'Choose all' }).click();
  await page.getByRole('region', { name: 'Chosen records' }).getByRole('link', { name: 'Merge…' }).click();
  await page.getByRole('heading', { name: 'Merge Contacts' }).waitFor();
  await page.getByRole('radio', { name: `Otti Musterfrau stays, number ${second.id}` }).check();
  await page.getByText('Moves to').or(page.getByText('Nothing else refers')).waitFor();
  await page.getByRole('radio', { name: 'First name of Ottilie Musterfrau' }).check();
  const emails = page.getByRole('row', { name: /^Emails/ });
  await emails.getByRole('cell').last().getByText('ottilie@muster.example').waitFor();
  await emails.getByRole('cell').last().getByText('otti@boats.example').waitFor();
  await page.getByRole('button', { name: /fields that are the same/ }).click();
  await page.getByRole('row', { name: /^Birthday/ }).waitFor();
  await look('merge');
  await page.getByRole('radio', { name: `Ottilie Musterfrau stays, number ${first.id}` }).check();
  await page.getByText('1 Tasks').waitFor();
  await page.getByRole('radio', { name: `Otti Musterfrau stays, number ${second.id}` }).check();
  await page.getByRole('radio', { name: 'First name of Ottilie Musterfrau' }).check();
  await page.getByRole('button', { name: 'Merge 2 records' }).click();
  await page.getByRole('heading', { name: 'Ottilie Musterfrau', level: 1 }).waitFor();
  const left = await contacts("last_name = 'Musterfrau'");
  assert.deepEqual(left.map((r) => [r.id, r.first_name, r.emails.length]), [[second.id, 'Ottilie', 2]]);
  await page.getByRole('button', { name: 'Undo' }).click();
  await until(async () => (await contacts("last_name = 'Musterfrau'")).length === 2);
});

step('while a person is typed: what is there already, and that one used', async () => {
  const { page } = e2e;
  await visit('/e/contacts?new=1', { afresh: true });
  const form = page.getByRole('dialog');
  await form.getByLabel('First name').fill('ottilie');
  await form.getByLabel('Last name').fill('Musterfrau');
  await form.getByText('This may be there already:').waitFor();
  await form.getByText('Last name: the same').first().waitFor();
  await look('new-duplicate');
  await form.getByRole('button', { name: 'Use that one' }).first().click();
  await page.getByRole('heading', { name: /Musterfrau/, level: 1 }).waitFor();
  assert.equal((await contacts("last_name = 'Musterfrau'")).length, 2);
});

step('on the record: what it may be the same as, and the rules that it breaks', async () => {
  const { page } = e2e;
  const bad = await made('contacts', { first_name: 'Twin', last_name: 'TWIN', preferred_channel: 'email' });
  await visit(`/e/contacts/${bad.id}`);
  await page.getByText('First and last name are the same').waitFor();
  await until(async () => (await open()).some((p) => p.entity === 'contact'));
  await visit(`/e/contacts/${first.id}`);
  const note = page.getByRole('note').filter({ hasText: 'May be the same as' });
  await note.getByRole('link', { name: 'Otti Musterfrau' }).waitFor();
  await look('record-duplicate');
  await note.getByRole('button', { name: 'Not the same' }).click();
  await note.waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Undo' }).click();
  await note.waitFor();
  await note.getByRole('button', { name: 'Merge…' }).click();
  await page.getByRole('button', { name: 'Merge 2 records' }).click();
  await page.getByRole('heading', { name: 'Ottilie Musterfrau', level: 1 }).waitFor();
  await until(async () => !(await open()).some((p) => p.entity === 'contact'));
});

step('data quality: counted, led to the records, mended in one go', async () => {
  const { page } = e2e;
  const rules = (await api('GET', '/quality_rules?limit=100')).body.items.filter((r) => r.entity === 'contact');
  for (const r of rules) for (const back of [1, 2, 3, 4, 5]) await made('quality_counts', { rule: r.id, day: new Date(Date.now() - back * 86400e3).toISOString().slice(0, 10), found: (r.id * back) % 7, records: 60 });
  await visit('/quality');
  await page.getByRole('button', { name: 'Count now' }).click();
  const row = page.getByRole('row', { name: /First and last name are the same/ });
  await row.getByText(/^1 of \d+/).waitFor();
  await row.getByRole('img', { name: /^From \d+ on .* to 1$/ }).waitFor();
  await look('quality');
  await row.getByRole('link', { name: 'First and last name are the same', exact: true }).click();
  await page.getByRole('grid').getByText('Twin TWIN').waitFor();
  await page.goBack();
  await page.getByRole('link', { name: 'Mend: First and last name are the same' }).click();
  await page.getByRole('region', { name: 'Chosen records' }).getByText('chosen').waitFor();
  await page.getByRole('region', { name: 'Chosen records' }).getByRole('button', { name: 'Change' }).waitFor();
});

step('a rule of one\'s own: refused with the reason, made, switched off', async () => {
  const { page } = e2e;
  await visit('/quality?of=contact', { afresh: true });
  await page.getByRole('button', { name: 'New rule' }).click();
  const form = page.getByRole('dialog');
  await form.getByLabel('Name').fill('No job');
  await form.getByLabel('Finds what is at fault').fill('job_titel is empty');
  await form.getByRole('button', { name: 'Save' }).click();
  await form.getByText(/Unknown field "job_titel"/).waitFor();
  await look('rule');
  await form.getByLabel('Finds what is at fault').fill('job_title is empty');
  await form.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('row', { name: /No job/ }).waitFor();
  await page.getByRole('button', { name: 'Edit: No job' }).click();
  await form.getByRole('switch', { name: 'Counted' }).uncheck();
  await form.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Switched off:').waitFor();
  await page.getByRole('row', { name: /No job/ }).waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'No job' }).click();
  await form.getByRole('button', { name: 'Delete' }).click();
  await page.getByText('No job was deleted.').waitFor();
});
