// tasks.test.mjs - everyday tasks, and how many clicks and keys they may take beyond what is typed.
//
// Counted on visible controls at 1,440 px, from the home page; what is done to something on the screen already (a value of
// a list, a card of a board) from where that is seen. A page that takes more fails.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { api, e2e, hands, PASSWORD, serve, step, until, visit } from './server.mjs';

serve({ signedIn: false });

const sidebar = (name) => e2e.page.getByRole('navigation', { name: 'Main navigation' }).getByRole('link', { name, exact: true });
const grid = () => e2e.page.getByRole('grid');
const focused = (locator) => locator.and(e2e.page.locator(':focus')).waitFor();
const kind = (name) => e2e.page.getByRole('radiogroup', { name: 'How to look at it' }).getByText(name, { exact: true });
const count = async (plural, where) => (await api('GET', `/${plural}/aggregate?measure=count()&where=${encodeURIComponent(where)}`)).body.rows[0]['count()'];
const named = async (name) => { await focused(e2e.page.getByRole('textbox', { name: 'Name' })); await e2e.page.keyboard.type(name); };

/** A task from the home page, with its highest number. */
const task = (name, most, work, { from = true } = {}) => step(`${name}: ${most}`, async (t) => {
  if (from) {
    await visit('/');
    await e2e.page.getByRole('heading', { name: /Hello/ }).waitFor();
  }
  const h = hands();
  await work(e2e.page, h);
  t.diagnostic(`${name}: ${h.n} of ${most}`);
  assert.ok(h.n <= most, `${name} took ${h.n} clicks and keys, at most ${most}`);
});

task('sign in', 2, async (page, h) => {
  await visit('/');
  await focused(page.getByLabel('E-mail'));
  await h.type('ada@example.com');
  await h.press('Tab');
  await h.type(PASSWORD);
  await h.press('Enter');
  await page.getByRole('heading', { name: /Hello/ }).waitFor();
}, { from: false });

task('new contact', 3, async (page, h) => {
  await h.click(sidebar('Contacts'));
  await h.click(page.getByRole('button', { name: 'New', exact: true }));
  await focused(page.getByRole('dialog').getByRole('textbox').first());
  await h.type('Taskina');
  await h.press('Enter');
  await page.getByRole('heading', { name: 'Taskina', level: 1 }).waitFor();
});

task('find a person by phone number', 2, async (page, h) => {
  await api('POST', '/contacts', { last_name: 'Ringwald', phones: [{ number: '+49 30 5557788' }] });
  await h.press('Control+k');
  await focused(page.getByRole('combobox', { name: 'Search' }));
  await h.type('5557788');
  await page.getByRole('option', { name: /Ringwald/ }).waitFor();
  await h.press('Enter');
  await page.getByRole('heading', { name: 'Ringwald', level: 1 }).waitFor();
});

task('log a call with a next step', 4, async (page, h) => {
  await h.press('Control+k');
  await focused(page.getByRole('combobox', { name: 'Search' }));
  await h.type('call ringwald');
  await page.getByRole('option', { name: 'Call: Ringwald' }).waitFor();
  await h.press('Enter');
  await focused(page.getByRole('textbox', { name: 'Subject' }));
  await h.type('Asked for a boat');
  await h.press('Tab');
  await h.type('Send pictures of boats');
  await h.press('Enter');
  await page.getByRole('listitem').getByText('Send pictures of boats').waitFor();
  assert.deepEqual([await count('calls', "subject = 'Asked for a boat'"), await count('tasks', "title = 'Send pictures of boats'")], [1, 1]);
});

task('edit a field in a list', 2, async (page, h) => {
  await sidebar('Contacts').click();
  await grid().getByRole('row').nth(3).waitFor();
  const at = (await grid().getByRole('columnheader').allInnerTexts()).findIndex((x) => x.trim() === 'Lifecycle');
  const cell = grid().getByRole('row').nth(3).getByRole('gridcell').nth(at);
  await h.click(cell);
  await h.click(page.getByRole('option', { name: 'Evangelist' }));
  await until(async () => (await count('contacts', "lifecycle = 'evangelist' and updated_at > now - 1h and updated_by = me")) > 0);
});

task('filter and save the view', 5, async (page, h) => {
  await h.click(sidebar('Contacts'));
  await grid().getByRole('row').nth(3).waitFor();
  await h.click(page.getByRole('button', { name: '+ Filter' }));
  await focused(page.getByRole('combobox', { name: 'Add a filter' }));
  await h.type('city berlin');
  await page.getByRole('option', { name: 'City is berlin' }).waitFor();
  await h.press('Enter');
  await h.click(page.getByRole('button', { name: 'Save view' }));
  await named('Berliners');
  await h.press('Enter');
  await sidebar('Berliners').waitFor();
});

task('bulk edit of a filtered list', 5, async (page, h) => {
  await h.click(sidebar('Berliners'));
  await h.click(page.getByRole('checkbox', { name: 'Choose all' }));
  const all = Number(await page.getByTestId('total').filter({ hasText: /\d/ }).innerText());
  await h.click(page.getByRole('button', { name: 'Change', exact: true }));
  await focused(page.getByRole('combobox', { name: 'Which field' }));
  await h.type('department');
  await h.press('Enter');
  await focused(page.getByRole('textbox', { name: 'Department' }));
  await h.type('Harbour');
  await h.press('Enter');
  await page.getByText(`${all} changed.`).waitFor();
  assert.equal(await count('contacts', "department = 'Harbour'"), all);
});

task('make a board', 4, async (page, h) => {
  await api('POST', '/tasks', { title: 'Buy rope', status: 'not_started' });
  await h.click(sidebar('Tasks'));
  await h.click(kind('Board'));
  await h.click(page.getByRole('button', { name: 'Save view' }));
  await named('Wall');
  await h.press('Enter');
  await sidebar('Wall').waitFor();
});

task('move a card', 1, async (page, h) => {
  await visit(`/e/tasks?kind=board&group=status&where=${encodeURIComponent("title = 'Buy rope'")}`);
  const card = (col) => page.getByRole('list', { name: col }).getByRole('listitem').filter({ hasText: 'Buy rope' });
  await card('Not started').waitFor();
  h.n++;
  await card('Not started').dragTo(page.locator('[data-col="in_progress"]'));
  await card('In progress').waitFor();
  await until(async () => (await count('tasks', "title = 'Buy rope' and status = 'in_progress'")) === 1);
}, { from: false });

task('import a known CSV', 4, async (page, h) => {
  const file = path.join(e2e.dir, 'known.csv');
  writeFileSync(file, 'First name,Last name,Email\n' + Array.from({ length: 30 }, (_, i) => `Kim${i},Known${i},kim${i}@known.example`).join('\n') + '\n');
  await h.click(page.getByRole('button', { name: 'Import', exact: true }));
  await h.click(page.getByRole('menuitem', { name: 'Contacts' }));
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), h.click(page.getByLabel('Choose a file'))]);
  await chooser.setFiles(file);
  await h.click(page.getByRole('button', { name: 'Import 30 rows' }));
  await page.getByText('This is what happened:').waitFor();
  assert.equal(await count('contacts', "last_name like 'Known%'"), 30);
});

task('undo it', 2, async (page, h) => {
  await h.click(page.getByRole('button', { name: 'Undo the import of known.csv' }));
  await page.getByText('Taken back').waitFor();
  assert.equal(await count('contacts', "last_name like 'Known%'"), 0);
});

task('add a custom field', 5, async (page, h) => {
  await h.click(sidebar('Objects and fields'));
  await h.click(page.getByRole('combobox', { name: 'Of which object' }));
  await h.click(page.getByRole('option', { name: 'Contact', exact: true }));
  await h.press('Tab');
  await focused(page.getByRole('textbox', { name: 'Label' }));
  await h.type('Shoe size');
  await h.press('Enter');
  await until(async () => (await api('GET', '/meta')).body.entities.find((e) => e.name === 'contact').fields.some((f) => f.name === 'x_shoe_size'));
});

task('share a view', 3, async (page, h) => {
  await h.click(sidebar('Berliners'));
  await h.click(page.getByRole('button', { name: 'Share', exact: true }));
  await h.click(page.getByRole('switch', { name: 'With everyone' }));
  await until(async () => (await api('GET', '/views?where=' + encodeURIComponent("name = 'Berliners'"))).body.items[0].shared);
});

task('make a chart of a list', 4, async (page, h) => {
  await h.click(sidebar('Contacts'));
  await h.click(kind('Chart'));
  await page.locator('[data-chart=bar] .recharts-bar-rectangle').first().waitFor();
  await h.click(page.getByRole('button', { name: 'Save view' }));
  await named('By lifecycle');
  await h.press('Enter');
  await sidebar('By lifecycle').waitFor();
});

task('merge a pair', 3, async (page, h) => {
  const twin = { first_name: 'Ottilie', last_name: 'Zwillingsfrau', birthday: '1971-07-07', emails: [{ address: 'ottilie@zwilling.example' }], phones: [{ number: '+493077777777' }] };
  // the sample business has pairs of its own
  const pairs = async () => (await api('GET', '/duplicates?where=' + encodeURIComponent("state = 'open'"))).body.items;
  for (const name of ['Brandt', 'Whitfield', 'Ellison']) await api('DELETE', `/contacts/${(await api('GET', `/contacts?sort=-id&limit=1&where=${encodeURIComponent(`last_name = '${name}'`)}`)).body.items[0].id}`);
  await until(async () => (await pairs()).length === 0);
  for (const first_name of ['Ottilie', 'Otti']) await api('POST', '/contacts', { ...twin, first_name });
  await until(async () => (await pairs()).length === 1);
  await visit('/');
  await h.click(page.getByRole('link', { name: '1 pair may be the same' }));
  await page.getByText(/likely to be the same/).waitFor();
  await h.press('m');
  await focused(page.getByRole('button', { name: 'Merge 2 records' }));
  await h.press('Enter');
  await page.getByText('2 records are one now').waitFor();
  assert.equal(await count('contacts', "last_name = 'Zwillingsfrau'"), 1);
});
