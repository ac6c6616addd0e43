// record.test.mjs - the page of one record: steps, history of a field, activities with a next step, cards, files, rights.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { api, e2e, hands, look, serve, signIn, step, until, visit } from './server.mjs';

serve();

const list = async (address, where) => (await api('GET', `${address}?where=${encodeURIComponent(where)}`)).body.items;
const heading = (name) => e2e.page.getByRole('heading', { name, exact: true, level: 1 });

step('log a call with a next step: four from the home page', async () => {
  const { page } = e2e;
  const who = (await api('POST', '/contacts', { first_name: 'Nella', last_name: 'Quint' })).body;
  const h = hands();
  await h.press('Control+k');
  await page.getByRole('combobox', { name: 'Search' }).and(page.locator(':focus')).waitFor();
  await h.type('call nella');
  await page.getByRole('option', { name: 'Call: Nella Quint' }).waitFor();
  await look('palette-log');
  await h.press('Enter');
  await page.getByRole('textbox', { name: 'Subject' }).and(page.locator(':focus')).waitFor();
  await h.type('Wants a quote');
  await h.press('Tab');
  await h.type('Send the quote');
  await h.press('Enter');
  await page.getByRole('listitem').getByText('Send the quote').waitFor();
  await page.getByRole('listitem').getByText('Wants a quote').waitFor();
  assert.ok(h.n <= 4, `${h.n} clicks and keys`);
  const [task] = await list('/tasks', `contact = ${who.id}`);
  assert.equal(task.title, 'Send the quote');
  assert.ok(new Date(task.due) > new Date());
  assert.equal((await list('/calls', `contact = ${who.id}`))[0].subject, 'Wants a quote');
  await look('record-composer');
});

step('find a person by phone number: two', async () => {
  const { page } = e2e;
  const who = (await api('POST', '/contacts', { last_name: 'Ringwald', phones: [{ number: '+49 30 5557788' }] })).body;
  await visit('/');
  await page.getByRole('heading', { name: /Hello/ }).waitFor();
  const h = hands();
  await h.press('Control+k');
  await page.getByRole('combobox', { name: 'Search' }).and(page.locator(':focus')).waitFor();
  await h.type('5557788');
  await page.getByRole('option', { name: /Ringwald/ }).waitFor();
  await h.press('Enter');
  await heading('Ringwald').waitFor();
  assert.ok(h.n <= 2, `${h.n} keys`);
  assert.ok(page.url().endsWith('/' + who.id));
});

step('from record to record in the list one came from, by buttons and keys', async () => {
  const { page } = e2e;
  await visit('/e/contacts?sort=last_name');
  const names = page.getByRole('grid').locator('a.rowlink');
  await names.nth(3).waitFor();
  const [one, two, three] = (await names.allInnerTexts()).slice(0, 3);
  await names.nth(1).click();
  await heading(two).waitFor();
  await page.getByText(/^2 of \d+/).waitFor();
  await page.getByRole('button', { name: 'After it in the list' }).click();
  await heading(three).waitFor();
  await page.keyboard.press('k');
  await heading(two).waitFor();
  await page.keyboard.press('k');
  await heading(one).waitFor();
  assert.ok(await page.getByRole('button', { name: 'Before it in the list' }).isDisabled());
  await page.keyboard.press('j');
  await heading(two).waitFor();
  await page.getByRole('main').getByRole('link', { name: 'Contacts', exact: true }).click();
  await page.waitForURL(/sort=last_name/);
});

step('what a field was before; both sides of a conflict', async () => {
  const { page } = e2e;
  const who = (await api('POST', '/contacts', { last_name: 'Zander', job_title: 'Deckhand' })).body;
  await api('PATCH', `/contacts/${who.id}`, { job_title: 'Mate' });
  await api('PATCH', `/contacts/${who.id}`, { job_title: 'Captain' });
  await visit(`/e/contacts/${who.id}`, { afresh: true });
  await page.getByRole('button', { name: 'What Job title was before' }).click();
  const past = page.getByRole('dialog', { name: 'What Job title was before' });
  await past.getByText('Deckhand').waitFor();
  assert.equal(await past.getByRole('listitem').count(), 2);
  await look('record-past');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Edit Job title' }).click();
  await page.getByLabel('Job title', { exact: true }).fill('Mine');
  await api('PATCH', `/contacts/${who.id}`, { job_title: 'Theirs' });
  await page.keyboard.press('Enter');
  const sides = page.locator('.sides');
  await sides.getByText('Theirs').waitFor();
  await sides.getByText('Mine').waitFor();
  await look('record-conflict');
  await page.getByRole('button', { name: 'Keep theirs' }).click();
  assert.equal((await api('GET', `/contacts/${who.id}?fields=job_title`)).body.job_title, 'Theirs');
});

step('what was typed outlives leaving the page, a reload and a key too much', async () => {
  const { page } = e2e;
  const who = (await api('POST', '/contacts', { last_name: 'Draftsman', job_title: 'Before' })).body;
  const here = `/e/contacts/${who.id}`;
  const write = page.getByRole('textbox', { name: 'Body', exact: true });
  await visit(here);
  await page.getByRole('group', { name: 'What to add' }).getByRole('button', { name: 'Note', exact: true }).click();
  await write.fill('Half a thought');
  await page.getByRole('button', { name: 'Edit Job title' }).click();
  await page.getByLabel('Job title', { exact: true }).fill('Half a title');
  await visit('/e/companies');
  await visit(here);
  await write.waitFor();
  assert.equal(await write.inputValue(), 'Half a thought');
  assert.equal(await page.getByLabel('Job title', { exact: true }).inputValue(), 'Half a title');
  await api('PATCH', `/contacts/${who.id}`, { job_title: 'Theirs' });
  await visit(here, { afresh: true });
  assert.equal(await write.inputValue(), 'Half a thought');
  await page.getByLabel('Job title', { exact: true }).press('Enter'); // over the version at which it was begun
  await page.locator('.sides').getByText('Theirs').waitFor();
  await page.getByRole('button', { name: 'Keep theirs' }).click();
  await page.getByRole('button', { name: 'Add note' }).click();
  await page.getByRole('list', { name: 'Timeline' }).getByText('Half a thought').waitFor();
  await visit(here, { afresh: true });
  assert.equal(await write.inputValue(), '');
  assert.equal(await page.getByLabel('Job title', { exact: true }).count(), 0);
  // a form: Esc keeps it, Cancel does not
  const form = page.getByRole('dialog', { name: 'New: Contact' });
  await visit('/e/contacts?new=1');
  await form.getByLabel('Last name').fill('Typed in vain');
  await page.keyboard.press('Escape');
  await form.waitFor({ state: 'detached' });
  await visit('/e/contacts?new=1');
  await form.getByText('You had typed this before.').waitFor();
  assert.equal(await form.getByLabel('Last name').inputValue(), 'Typed in vain');
  await look('record-kept');
  await form.getByRole('button', { name: 'Start afresh' }).click();
  assert.equal(await form.getByLabel('Last name').inputValue(), '');
  await form.getByLabel('Last name').fill('Dropped');
  await form.getByRole('button', { name: 'Cancel' }).click();
  await visit('/e/contacts?new=1');
  assert.equal(await form.getByLabel('Last name').inputValue(), '');
  await page.keyboard.press('Escape');
});

step('a reference to anything and a file, changed in place', async () => {
  const { page } = e2e;
  const task = (await api('POST', '/tasks', { title: 'About something' })).body;
  await visit(`/e/tasks/${task.id}`);
  await page.getByRole('button', { name: /Show \d+ empty/ }).click();
  await page.getByRole('button', { name: 'Edit About', exact: true }).click();
  await page.getByRole('combobox', { name: 'About' }).fill('riversoft');
  await page.getByRole('option', { name: /Riversoft/ }).first().click();
  await look('record-anyref');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByRole('region', { name: 'Fields' }).getByRole('link', { name: /Riversoft/ }).waitFor();
  assert.equal((await api('GET', `/tasks/${task.id}?fields=about`)).body.about.entity, 'company');
  // an action of the module stands as a button
  await page.getByRole('button', { name: 'Complete', exact: true }).click();
  await until(async () => (await api('GET', `/tasks/${task.id}?fields=status`)).body.status === 'done');
  const who = (await api('POST', '/contacts', { last_name: 'Filer' })).body;
  await visit(`/e/contacts/${who.id}`);
  await page.getByRole('button', { name: /Show \d+ empty/ }).click();
  await page.getByRole('button', { name: 'Edit Photo' }).click();
  const file = path.join(e2e.dir, 'me.png');
  writeFileSync(file, Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64'));
  await page.getByLabel('Photo', { exact: true }).setInputFiles(file);
  await page.getByText('me.png').waitFor();
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await until(async () => (await api('GET', `/contacts/${who.id}?fields=photo`)).body.photo?.name === 'me.png');
});

step('files that belong to a record: sent, opened, taken away and back', async () => {
  const { page } = e2e;
  await page.getByRole('tab', { name: 'Files' }).click();
  await page.getByText('No files yet.').waitFor();
  const file = path.join(e2e.dir, 'offer.txt');
  writeFileSync(file, 'an offer');
  await page.getByLabel('Add files').setInputFiles(file);
  const link = page.getByRole('link', { name: 'offer.txt' });
  await link.waitFor();
  await look('record-files');
  const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
  assert.equal(download.suggestedFilename(), 'offer.txt');
  await page.getByRole('button', { name: 'Remove offer.txt' }).click();
  await page.getByText('No files yet.').waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await link.waitFor();
});

step('pens stand in one column, beside the first line of what they change', async () => {
  const { page } = e2e;
  const id = (await api('POST', '/contacts', { last_name: 'Longmouth', description: 'words and more words, '.repeat(40), tags: ['pens'] })).body.id;
  await visit(`/e/contacts/${id}`);
  const fields = page.getByRole('region', { name: 'Fields' });
  await fields.getByText(/^words and more/).waitFor();
  const pens = await fields.getByRole('button', { name: /^Edit / }).evaluateAll((all) => all.map((x) => [x.getAttribute('aria-label'), Math.round(x.getBoundingClientRect().x), Math.round(x.getBoundingClientRect().y - x.parentElement.getBoundingClientRect().y)]));
  assert.ok(['Edit Description', 'Edit Tags', 'Edit Last name'].every((n) => pens.some((p) => p[0] === n)), JSON.stringify(pens));
  assert.deepEqual([...new Set(pens.map((p) => p[1]))].length, 1, JSON.stringify(pens));
  assert.ok(pens.every((p) => p[2] < 3), JSON.stringify(pens));
  assert.equal(await fields.getByRole('button', { name: 'Edit Created at' }).count(), 0);
});

step('a picker keeps what is typed: over a late answer, over Enter before it, over leaving; emptied, it is empty', async () => {
  const { page } = e2e;
  const firm = (await api('POST', '/companies', { name: 'Quillwork Pickers' })).body.id;
  const id = (await api('POST', '/contacts', { last_name: 'Pickwick' })).body.id;
  const company = async () => (await api('GET', `/contacts/${id}?fields=company`)).body.company?.id ?? null;
  await visit(`/e/contacts/${id}`);
  await until(async () => (await api('GET', '/search?q=quillwork&entity=company')).body.items.length);
  const box = page.getByRole('combobox', { name: 'Company' });
  const edit = async () => { await page.getByRole('button', { name: /^Show \d+ empty/ }).or(page.getByRole('button', { name: 'Edit Company' })).first().click(); if (!await box.isVisible()) await page.getByRole('button', { name: 'Edit Company' }).click(); };
  const save = async () => { await page.getByRole('button', { name: 'Save', exact: true }).click(); await box.waitFor({ state: 'detached' }); };
  await edit();
  await page.route(/\/search\?/, async (r) => { await new Promise((done) => setTimeout(done, 600)); await r.continue(); });
  await box.pressSequentially('quillwork');
  await page.keyboard.press('Enter');
  assert.equal(await box.inputValue(), 'quillwork');
  await page.waitForFunction(() => document.activeElement.value === 'Quillwork Pickers');
  await page.unrouteAll({ behavior: 'wait' });
  await save();
  assert.equal(await company(), firm);
  await page.getByRole('button', { name: 'Edit Company' }).click();
  await page.keyboard.press('Control+a');
  await page.keyboard.press('Backspace');
  await page.keyboard.press('Tab');
  await save();
  assert.equal(await company(), null);
  await edit();
  await box.pressSequentially('nobody of that name');
  await page.getByText('Nothing found').waitFor();
  await page.keyboard.press('Tab');
  await page.getByText('Choose one from the list.').waitFor();
  assert.equal(await box.inputValue(), 'nobody of that name');
  await look('picker-left');
});

step('the timeline by kind; related records as cards, one more added', async () => {
  const { page } = e2e;
  const company = (await api('GET', '/contacts/aggregate?group=company&measure=count()&sort=-count()')).body.rows.find((r) => r.company).company;
  await visit(`/e/companies/${company.id}`);
  await page.getByRole('tab', { name: 'Related' }).click();
  const section = page.getByRole('region', { name: 'Contacts', exact: true });
  await section.getByRole('listitem').first().waitFor();
  const before = await section.getByRole('listitem').count();
  assert.match(await section.getByRole('listitem').first().innerText(), /Email\s+\S+@\S+\s+Phone\s+\+\d+\s+Lifecycle\s/, 'each value says what it is');
  await look('record-cards');
  await section.getByRole('button', { name: 'Contacts: Add' }).click();
  await page.getByRole('dialog').getByLabel('Last name').fill('Carding');
  await page.getByRole('dialog').getByRole('button', { name: 'Create' }).click();
  await section.getByRole('link', { name: 'Carding' }).waitFor();
  assert.ok(await section.getByRole('listitem').count() >= before);
  const some = (await api('GET', '/calls?limit=1&fields=contact&where=' + encodeURIComponent('contact is not empty'))).body.items[0].contact;
  await api('POST', '/notes', { body: 'One for the filter', contact: some.id, at: new Date().toISOString() });
  await api('POST', '/notes', { body: 'Kept on top', contact: some.id, pinned: true, at: '2020-01-01T00:00:00Z' });
  await visit(`/e/contacts/${some.id}`);
  const line = page.getByRole('list', { name: 'Timeline' });
  await line.getByText('One for the filter').waitFor();
  assert.match(await line.getByRole('listitem').first().innerText(), /Pinned[\s\S]*Kept on top/);
  await page.getByRole('group', { name: 'What to show' }).getByRole('button', { name: 'Notes' }).click();
  await line.getByText('One for the filter').waitFor();
  for (const x of await line.getByRole('listitem').all()) assert.match(await x.innerText(), /One for the filter|Kept on top|Note/);
  await look('record-timeline');
  // a day without a time is kept, and what is late says so here too
  await page.getByRole('group', { name: 'What to show' }).getByRole('button', { name: 'Everything' }).click();
  await page.getByRole('group', { name: 'What to add' }).getByRole('button', { name: 'Task', exact: true }).click();
  await page.getByRole('textbox', { name: 'Title' }).fill('Late already');
  await page.getByLabel('Due', { exact: true }).fill('2026-11-01');
  await look('record-due');
  await page.getByRole('button', { name: 'Add task' }).click();
  const late = line.getByRole('listitem').filter({ hasText: 'Late already' });
  await late.getByText('Overdue', { exact: true }).waitFor();
  assert.match((await list('/tasks', "title = 'Late already'"))[0].due, /^2026-11-01T09:00/);
});

step('rights explained: what one may not change says why', async () => {
  const { page, context } = e2e;
  const maya = (await list('/users', "name = 'Maya Lindt'"))[0];
  await api('POST', '/me/password', { user: maya.id, password: 'correct horse battery' });
  const role = (await api('POST', '/roles', { name: 'Own only' })).body;
  await api('POST', '/grants', { role: role.id, entity: '*', read: 'all', update: 'own', create: 'own' });
  await api('PATCH', `/users/${maya.id}`, { roles: [{ id: role.id }] });
  const [theirs] = await list('/contacts', 'owner is not empty and owner != ' + maya.id);
  const mine = (await api('POST', '/contacts', { last_name: 'Mayas', owner: maya.id })).body;
  await context.clearCookies();
  await signIn(maya.email);
  await visit(`/e/contacts/${theirs.id}`);
  await page.getByText(/^You cannot change this:/).waitFor();
  assert.equal(await page.getByRole('button', { name: /^Edit / }).count(), 0);
  await look('record-denied');
  await visit(`/e/contacts/${mine.id}`);
  await page.getByRole('button', { name: 'Edit Last name' }).waitFor();
  assert.equal(await page.getByText(/^You cannot change this:/).count(), 0);
});

step('an answer that was asked for before a change was saved does not put it back', async () => {
  const { page } = e2e;
  const made = (await api('POST', '/contacts', { last_name: 'Latecomer', job_title: 'a', department: 'b', nickname: 'c' })).body;
  await visit(`/e/contacts/${made.id}`);
  await page.getByRole('heading', { name: 'Latecomer', level: 1 }).waitFor();
  const edit = async (label, value) => {
    await page.getByRole('button', { name: 'Edit ' + label, exact: true }).click();
    await page.getByLabel(label, { exact: true }).fill(value);
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByRole('region', { name: 'Fields' }).getByText(value, { exact: true }).waitFor();
  };
  let release, held = 0;
  const later = new Promise((done) => { release = done; });
  // the first reading after a change is answered by the server at once, and arrives late
  await page.route(`**/api/v1/contacts/${made.id}`, async (r) => {
    if (r.request().method() !== 'GET' || held++) return r.continue();
    const answer = await r.fetch();
    await later;
    await r.fulfill({ response: answer }).catch(() => {});
  });
  await edit('Job title', 'first');
  await until(() => held > 0);
  await edit('Department', 'second');
  // before the change stream tells of the second one, which would have it asked anew
  release();
  await page.waitForTimeout(60);
  await edit('Nickname', 'third');
  await page.unroute(`**/api/v1/contacts/${made.id}`);
  const now = (await api('GET', `/contacts/${made.id}`)).body;
  assert.deepEqual([now.job_title, now.department, now.nickname], ['first', 'second', 'third']);
});

step('what is not there says so, with a way back', async () => {
  const { page } = e2e;
  await visit('/e/contacts/99999999');
  await page.getByRole('heading', { name: 'There is no such record: Contact' }).waitFor();
  await look('missing');
  await page.getByRole('main').getByRole('link', { name: 'All Contacts' }).click();
  await page.getByRole('grid').getByRole('row').nth(3).waitFor();
  await visit('/no/such/page');
  await page.getByRole('heading', { name: 'There is nothing at this address.' }).waitFor();
  await page.getByRole('main').getByRole('link', { name: 'Go to the home page' }).click();
  await page.getByRole('heading', { name: /Hello/ }).waitFor();
  // the browser's own word of the 404 that was asked for
  e2e.trouble.splice(0, e2e.trouble.length, ...e2e.trouble.filter((x) => !/status of 404/.test(x)));
});

step('on a phone: the timeline is one touch away, and Escape closes the menu', async () => {
  const { page } = e2e;
  const id = (await api('GET', '/contacts?limit=1')).body.items[0].id;
  await page.setViewportSize({ width: 360, height: 740 });
  await visit(`/e/contacts/${id}`, { afresh: true });
  const tab = page.getByRole('tab', { name: 'Timeline' });
  await tab.waitFor();
  const box = await tab.boundingBox();
  assert.ok(box.y + box.height < 400 && box.x + box.width <= 360, JSON.stringify(box));
  await page.getByRole('region', { name: 'Fields' }).getByText('First name').waitFor();
  await tab.click();
  assert.ok((await page.getByRole('button', { name: 'Add note' }).boundingBox()).y < 740);
  await page.getByRole('region', { name: 'Fields' }).waitFor({ state: 'hidden' });
  await page.getByRole('button', { name: 'Menu', exact: true }).click();
  const menu = page.getByRole('navigation', { name: 'Main navigation' });
  await menu.waitFor();
  await page.keyboard.press('Escape');
  await menu.waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Menu', exact: true }).and(page.locator(':focus')).waitFor();
  await page.setViewportSize({ width: 1440, height: 900 });
});
