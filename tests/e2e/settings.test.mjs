// settings.test.mjs - users, teams, roles, choices, layouts, tokens, jobs, undo across the installation, the bin, languages.
import assert from 'node:assert/strict';
import { api, e2e, look, serve, signIn, step, until, visit } from './server.mjs';

serve();

const open = async (page) => { await visit(`/settings/${page}`); await e2e.page.getByRole('heading', { level: 1 }).waitFor(); };
const one = async (address, where) => (await api('GET', `${address}?where=${encodeURIComponent(where)}`)).body.items[0];

step('appearance: colours, density', async () => {
  const { page } = e2e;
  await page.getByRole('link', { name: 'Settings', exact: true }).click();
  await page.getByRole('heading', { name: 'Appearance' }).waitFor();
  await page.getByText('Compact', { exact: true }).click();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.density), 'compact');
  await page.reload();
  await page.getByRole('heading', { name: 'Appearance' }).waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.density), 'compact');
  await page.getByText('Comfortable', { exact: true }).click();
  await look('set-appearance');
});

step('a user added with a role, who then signs in; deactivated', async () => {
  const { page } = e2e;
  await api('POST', '/teams', { name: 'Harbour' });
  await open('roles');
  await page.getByRole('textbox', { name: 'New role' }).fill('Deckhands');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Deckhands', pressed: true }).waitFor();
  await page.getByLabel('All others: Read', { exact: true }).selectOption('all');
  await until(async () => (await one('/grants', "entity = '*' and role.name = 'Deckhands'"))?.read === 'all');
  await page.getByLabel('Add an object').selectOption('contact');
  await page.getByLabel('Contacts: Change', { exact: true }).selectOption('own');
  await until(async () => (await one('/grants', "entity = 'contact' and role.name = 'Deckhands'"))?.update === 'own');
  assert.equal((await one('/grants', "entity = 'contact' and role.name = 'Deckhands'")).read, 'all', 'begins with what all others have');
  const fields = page.getByRole('region', { name: 'Single fields' });
  await fields.getByLabel('Object').selectOption('contact');
  await fields.getByLabel('Label').selectOption('job_title');
  await fields.getByRole('button', { name: 'Hidden' }).click();
  await fields.getByText('Contact: Job title').waitFor();
  await look('set-roles');
  // narrow: the matrix scrolls by itself, and the names of its rows stay
  await page.setViewportSize({ width: 360, height: 740 });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 360));
  const row = page.locator('.matrix tbody th').first();
  const left = async () => Math.round((await row.boundingBox()).x);
  const was = await left();
  assert.ok(await page.locator('.pinned').evaluate((x) => { x.scrollLeft = 200; return x.scrollLeft; }) >= 150);
  assert.equal(await left(), was);
  await page.setViewportSize({ width: 1440, height: 900 });
  await open('users');
  await page.getByRole('button', { name: 'Add a user' }).click();
  const box = page.getByRole('dialog');
  await box.getByLabel('Name').fill('Nils Deck');
  await box.getByLabel('E-mail').fill('nils@example.com');
  await box.locator('input[type=password]').fill('short');
  await box.getByRole('button', { name: 'Add a user' }).click();
  await box.getByText('A password has at least 10 characters.').waitFor();
  await box.locator('input[type=password]').fill('correct horse battery');
  await box.getByRole('combobox', { name: 'Roles' }).click();
  await page.getByRole('option', { name: 'Deckhands' }).click();
  await page.keyboard.press('Escape');
  await look('set-invite');
  await box.getByRole('button', { name: 'Add a user' }).click();
  await page.getByRole('link', { name: 'Nils Deck' }).waitFor();
  await look('set-users');
  await e2e.context.clearCookies();
  await signIn('nils@example.com');
  const meta = (await api('GET', '/meta')).body;
  const contact = meta.entities.find((e) => e.name === 'contact');
  assert.equal(contact.rights.update, 'own');
  assert.equal(contact.fields.find((f) => f.name === 'job_title'), undefined);
  // what he may not set up is not offered
  await visit('/settings', { afresh: true });
  await page.getByRole('navigation', { name: 'Settings' }).waitFor();
  assert.equal(await page.getByRole('navigation', { name: 'Settings' }).getByRole('link', { name: 'Roles' }).count(), 0);
  await e2e.context.clearCookies();
  await signIn();
  // an administrator sees what he sees, and what a change of the role would give him
  await open('roles');
  await page.getByRole('button', { name: 'Deckhands' }).click();
  await page.getByLabel('Choose a user').selectOption('Nils Deck');
  const seen = page.getByRole('region', { name: 'See as Nils Deck' }).locator('[data-entity=contact]');
  await seen.getByText('hidden:').waitFor();
  assert.match(await seen.innerText(), /Job title/);
  const all = (await api('GET', '/contacts/aggregate?measure=count()')).body.rows[0]['count()'];
  const shown = async () => (await seen.getByRole('cell').first().innerText()).replaceAll(',', '');
  const before = await shown();
  await look('set-seeas');
  const read = page.getByLabel('Contacts: Read', { exact: true });
  const level = await read.inputValue();
  await read.selectOption(level === 'all' ? 'own' : 'all');
  await until(async () => (await shown()) !== before);
  assert.ok([before, await shown()].includes(`${all} of ${all}`), before);
  await read.selectOption(level);
  await until(async () => (await shown()) === before);
  await open('users');
  await page.getByRole('switch', { name: 'Nils Deck is active' }).click();
  await until(async () => (await one('/users', "email = 'nils@example.com'")).active === false);
});

step('teams as a tree', async () => {
  const { page } = e2e;
  await open('teams');
  await page.getByRole('textbox', { name: 'New team' }).fill('Quay');
  await page.getByLabel('Under').selectOption({ label: 'Harbour' });
  await page.getByRole('button', { name: 'Add team' }).click();
  await page.locator('.tree .tree').getByRole('link', { name: 'Quay' }).waitFor();
  await look('set-teams');
});

step('choices: a word, a colour, the order, one more', async () => {
  const { page } = e2e;
  await open('choices');
  // in the words of the work: nothing of rights, tokens or what the program alone writes
  const offered = await page.getByLabel('Which list?').locator('option').allInnerTexts();
  assert.ok(offered.includes('Meeting: Attendees: Reply') || offered.includes('Call: Participants: Reply'), offered.join());
  assert.deepEqual(offered.filter((x) => /link|Grant|Share|Duplicate/.test(x)), []);
  await page.getByLabel('Which list?').selectOption({ label: 'Call: Status' });
  await page.getByText('What can be chosen in Call: Status and Meeting: Status.').waitFor();
  await page.getByLabel('Which list?').selectOption({ label: 'Task: Status' });
  const word = page.getByLabel('Word for not_started');
  await word.fill('To do');
  await word.press('Enter');
  await until(async () => (await one('/choices', "code = 'not_started'")).label === 'To do');
  await page.getByLabel('Colour of not_started').selectOption('teal');
  await until(async () => (await one('/choices', "code = 'not_started'")).colour === 'teal');
  await page.getByRole('button', { name: 'To do: one place down' }).click();
  await until(async () => (await api('GET', '/meta')).body.lists.task_status[1].code === 'not_started');
  await page.getByRole('textbox', { name: 'New answer' }).fill('On the slipway');
  await page.keyboard.press('Enter');
  await page.getByLabel('Word for on_the_slipway').waitFor();
  await look('set-choices');
});

step('a layout: a group of one\'s own, a field left out; the record follows', async () => {
  const { page } = e2e;
  await open('layouts');
  await page.getByLabel('Of which object').selectOption('contact');
  await page.getByRole('textbox', { name: 'New group' }).fill('At work');
  await page.getByRole('button', { name: 'Add group' }).click();
  await page.getByLabel('Group of Job title').selectOption({ label: 'At work' });
  await page.getByLabel('Group of Nickname').selectOption({ label: 'Left out' });
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText('The layout was saved.').waitFor();
  await look('set-layouts');
  const who = (await api('POST', '/contacts', { last_name: 'Laidout', job_title: 'Rigger', nickname: 'Lay' })).body;
  await visit(`/e/contacts/${who.id}`);
  await page.getByRole('group', { name: 'At work' }).getByText('Rigger').waitFor();
  assert.equal(await page.getByText('Lay', { exact: true }).count(), 0);
  await page.getByRole('button', { name: /Show \d+ empty/ }).click();
  await page.getByRole('group', { name: 'Left out of the layout' }).getByText('Lay', { exact: true }).waitFor();
  await open('layouts');
  await page.getByLabel('Of which object').selectOption('contact');
  await page.getByRole('button', { name: 'Back to the usual layout' }).click();
  await until(async () => (await api('GET', '/meta')).body.layouts.length === 0);
});

step('the account: a token shown once and revoked, sessions, a wrong password', async () => {
  const { page } = e2e;
  await open('account');
  const keys = page.getByRole('region', { name: 'Keys for other programs' });
  await keys.getByText('No keys yet.').waitFor();
  await page.getByRole('textbox', { name: 'Your name' }).fill('Ada Harbour');
  await page.keyboard.press('Enter');
  await page.getByText('Your name was changed.').waitFor();
  await until(async () => (await api('GET', '/me')).body.user.name === 'Ada Harbour');
  await page.getByRole('textbox', { name: 'What is it for?' }).fill('Script');
  await page.getByLabel('What may the program do?').selectOption({ label: 'Only read' });
  await page.getByRole('button', { name: 'Make a key' }).click();
  await e2e.context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: e2e.url });
  const token = await page.getByText(/^kith_/).innerText();
  await page.getByRole('button', { name: 'Copy' }).click();
  await page.getByText('The key was copied.').waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), token);
  await look('set-account');
  const there = async () => (await api('GET', '/tokens')).body.items.some((x) => x.name === 'Script' && x.scopes === 'read');
  await page.getByRole('button', { name: 'Revoke Script' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  assert.ok(await there());
  await page.getByRole('button', { name: 'Revoke Script' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke', exact: true }).click();
  await page.getByRole('button', { name: 'Revoke Script' }).waitFor({ state: 'detached' });
  assert.ok(!await there());
  await page.getByText(/Chrome.* this device/s).first().waitFor();
});

step('the history of changes: one of somebody else undone; the bin gives back', async () => {
  const { page } = e2e;
  const who = (await api('POST', '/contacts', { last_name: 'Binned' })).body;
  await api('PATCH', `/contacts/${who.id}`, { job_title: 'Wrong' });
  await open('audit');
  const done = page.getByRole('list', { name: 'History of changes' }).getByRole('listitem');
  await done.first().getByText('Changed Binned · Contact · Job title').waitFor();
  assert.equal(await done.first().getByRole('link', { name: 'Binned' }).getAttribute('href'), `/e/contacts/${who.id}`);
  await page.getByRole('button', { name: /^Undo change/ }).first().click();
  await page.getByText('It was taken back.').waitFor();
  assert.equal((await api('GET', `/contacts/${who.id}?fields=job_title`)).body.job_title, null);
  await look('set-audit');
  // more than one at a time is asked about first
  const made = await Promise.all([1, 2].map((n) => api('POST', '/tasks', { title: `Both ${n}` })));
  await api('POST', '/batch', { operations: made.map((m) => ({ method: 'PATCH', path: `/tasks/${m.body.id}`, body: { priority: 'high' } })) });
  await open('audit');
  await done.first().getByText('Both 1').waitFor();
  await done.first().getByRole('button', { name: /^Undo change/ }).click();
  const sure = page.getByRole('dialog', { name: 'Take this back?' });
  await sure.getByText('Both 2').waitFor();
  await look('set-audit-sure');
  await sure.getByRole('button', { name: 'Cancel' }).click();
  assert.equal((await api('GET', `/tasks/${made[0].body.id}`)).body.priority, 'high');
  await done.first().getByRole('button', { name: /^Undo change/ }).click();
  await sure.getByRole('button', { name: 'Take it back' }).click();
  await until(async () => (await api('GET', `/tasks/${made[1].body.id}`)).body.priority !== 'high');
  await api('DELETE', `/contacts/${who.id}`);
  await open('bin');
  // it opens with what was deleted from last, and says how many there are
  await page.getByRole('button', { name: 'Restore Binned' }).waitFor();
  const bins = page.getByRole('combobox', { name: 'Of which object' });
  assert.equal(await bins.inputValue(), 'contact');
  assert.match((await bins.locator('option').allInnerTexts())[0], /^Contacts \(\d+\)$/);
  await look('set-bin');
  await page.getByRole('button', { name: 'Restore Binned' }).click();
  await page.getByText('Binned is back.').waitFor();
  assert.equal((await api('GET', `/contacts/${who.id}`)).status, 200);
});

step('values of the modules: kept, refused where they do not fit, secrets not shown', async () => {
  const { page } = e2e;
  await open('values');
  const value = async (name) => (await api('GET', '/settings')).body.items.find((v) => v.name === name);
  const put = async (label, text) => { await page.getByLabel(label, { exact: true }).fill(text); await page.keyboard.press('Enter'); };
  await put('Name of your business', 'Harbour Ltd');
  await until(async () => (await value('company.name')).value === 'Harbour Ltd');
  await put('Sent mails', '9');
  await page.getByText('Sent mails is between 30 and 36500').waitFor();
  await page.getByLabel('First day of the week').selectOption({ label: 'Sunday' });
  await until(async () => (await value('week.starts_on')).value === 7);
  if (await value('test.secret')) { // of test builds only
    await put('Secret of a test', 'whispered');
    await until(async () => (await value('test.secret')).set === true);
    await until(async () => !(await page.content()).includes('whispered')); // once the page has heard that it is kept
  }
  await look('set-values');
});

step('a field shows how it will look before it is added', async () => {
  const { page } = e2e;
  await open('objects');
  await page.getByRole('button', { name: 'Make the first one' }).click();
  await page.getByRole('textbox', { name: 'Name of one' }).and(page.locator(':focus')).waitFor();
  await page.getByRole('combobox', { name: 'Of which object' }).click();
  await page.getByRole('option', { name: 'Contact', exact: true }).click();
  await page.getByRole('textbox', { name: 'Label' }).fill('Berth');
  await page.getByRole('combobox', { name: 'Kind' }).click();
  await page.getByRole('option', { name: 'Choice', exact: true }).click();
  await page.getByRole('textbox', { name: 'Choices' }).fill('North, South');
  const preview = page.getByRole('group', { name: 'Preview' });
  await preview.getByRole('combobox', { name: 'Berth' }).click();
  await page.getByRole('option', { name: 'South' }).click();
  await look('set-fieldpreview');
});

step('health: numbers, jobs, a back-up, a check', async () => {
  const { page } = e2e;
  await open('health');
  await page.locator('[data-stat=calls]').waitFor();
  assert.match(await page.locator('[data-stat=failed] b').innerText(), /^0$/);
  await page.getByRole('region', { name: 'Jobs' }).waitFor();
  await page.getByRole('button', { name: 'Back up now' }).click();
  await page.getByText(/^Backed up:/).waitFor();
  await page.getByRole('button', { name: 'Check the database' }).click();
  await page.getByText(/checks, all is well/).waitFor();
  await look('set-health');
});

step('messages: what went wrong stays until it is closed, the rest goes; three at a time, above what is chosen', async () => {
  const { page } = e2e;
  await page.clock.install();
  await visit('/settings/values', { afresh: true });
  const put = async (label, text) => { await page.getByLabel(label, { exact: true }).fill(text); await page.keyboard.press('Enter'); };
  await put('Sent mails', '9');
  const wrong = page.getByText('Sent mails is between 30 and 36500');
  await wrong.waitFor();
  await put('Recycle bin', '80');
  const done = page.getByText('Recycle bin: saved.');
  await done.waitFor();
  await page.clock.fastForward(15_000);
  await done.waitFor({ state: 'detached' });
  assert.ok(await wrong.isVisible());
  await visit('/e/contacts');
  await page.getByRole('grid').getByRole('checkbox').nth(2).check();
  const bar = await page.getByRole('region', { name: 'Chosen records' }).boundingBox(), note = await page.locator('.mantine-Notification-root').last().boundingBox();
  assert.ok(note.y + note.height <= bar.y, `${JSON.stringify(note)} over ${JSON.stringify(bar)}`);
  await page.locator('.mantine-Notification-root').getByRole('button', { name: 'Close' }).click();
  await wrong.waitFor({ state: 'detached' });
});

step('from the settings back to work', async () => {
  const { page } = e2e;
  await page.getByRole('navigation', { name: 'Main navigation' }).getByRole('link', { name: 'Contacts', exact: true }).click();
  await page.getByRole('grid').getByRole('row').nth(3).waitFor();
});
