// setup.test.mjs - the first start: the page of the terminal's address, signed in by it, sample data or the import.
import assert from 'node:assert/strict';
import { api, e2e, look, PASSWORD, serve, signIn, step, until } from './server.mjs';

serve({ setup: true });

/** What the browser itself writes of an answer that the step asked for. */
const forget = (what) => e2e.trouble.splice(0, e2e.trouble.length, ...e2e.trouble.filter((x) => !what.test(x)));

step('without the token there is no page', async () => {
  const { page } = e2e;
  await page.goto(e2e.url);
  await page.getByText('Open the address that stands on the terminal').waitFor();
  assert.equal((await page.request.get(e2e.url + '/setup?token=guess')).status(), 403);
  forget(/status of 403/);
});

step('company, first user: what is refused is said at its field', async () => {
  const { page } = e2e;
  await page.goto(e2e.setup);
  await page.getByLabel('Company').and(page.locator(':focus')).waitFor();
  await look('setup');
  await page.keyboard.type('Harbour & Sons');
  await page.getByLabel('Your name').fill('Ada Harbour');
  await page.getByLabel('E-mail').fill('ada@example');
  await page.locator('input[autocomplete=new-password]').fill('short');
  await page.getByRole('button', { name: 'Set up' }).click();
  await page.getByText('A password has at least 10 characters.').waitFor();
  await page.locator('input[autocomplete=new-password]').fill(PASSWORD);
  await page.getByRole('combobox', { name: 'Base currency' }).fill('XXY');
  await page.getByLabel('E-mail').fill('ada@example.com');
  await page.getByRole('button', { name: 'Set up' }).click();
  await page.getByText('is no ISO 4217 code').waitFor();
  await page.getByRole('combobox', { name: 'Base currency' }).fill('CHF');
  await page.getByLabel('Time zone').selectOption('Europe/Zurich');
  await page.getByRole('button', { name: 'Set up' }).click();
  // the server is another one then: what the browser says while there is none is no error of the page
  await page.getByRole('heading', { name: 'Welcome, Ada Harbour' }).waitFor({ timeout: 30_000 });
  forget(/ERR_CONNECTION|ERR_EMPTY|status of 503/);
});

step('signed in, with what was entered', async () => {
  const me = (await api('GET', '/me')).body;
  assert.deepEqual([me.user.name, me.user.email, me.user.admin], ['Ada Harbour', 'ada@example.com', true]);
  const org = (await api('GET', '/meta')).body.organisation;
  assert.deepEqual([org.currency, org.zone], ['CHF', 'Europe/Zurich']);
  assert.equal((await api('GET', '/settings')).body.items.find((s) => s.name === 'company.name').value, 'Harbour & Sons');
  await look('welcome');
});

step('straight to the import wizard', async () => {
  const { page } = e2e;
  await page.getByRole('link', { name: 'Import Contacts' }).click();
  await page.getByText('Choose a file').or(page.getByLabel('Choose a file')).first().waitFor();
  await page.goto(e2e.url);
  await page.getByRole('link', { name: 'There is nobody here yet' }).click();
  await page.getByRole('heading', { name: /^Welcome/ }).waitFor();
});

step('sample data: a job that is followed, dashboards at its end, taken back in one go', async () => {
  const { page } = e2e;
  await page.getByRole('button', { name: 'Load sample data' }).click();
  await page.getByRole('progressbar').waitFor();
  await page.getByRole('heading', { name: 'Overview' }).waitFor({ timeout: 120_000 });
  await page.getByRole('region', { name: 'People', exact: true }).getByText('500', { exact: true }).waitFor();
  await page.goto(e2e.url + '/welcome');
  await page.getByRole('button', { name: 'Load sample data' }).click();
  await page.getByRole('alert').getByText('there are people or companies already').waitFor();
  forget(/status of 409/);
  const sets = (await api('GET', '/change_sets?all=true&limit=100')).body.items;
  const demo = sets.find((s) => s.kind === 'demo');
  assert.ok(demo, JSON.stringify(sets.map((s) => s.kind)));
  await page.goto(e2e.url + '/settings/audit');
  await page.getByRole('button', { name: `Undo change ${demo.id}` }).click();
  await page.getByRole('dialog', { name: 'Take this back?' }).getByText(/changes in all/).waitFor();
  await page.getByRole('button', { name: 'Take it back' }).click();
  await until(async () => (await api('GET', '/contacts/aggregate?measure=count()')).body.rows[0]['count()'] === 0);
});

step('the address of the set-up leads nowhere new', async () => {
  const { page, context } = e2e;
  await page.goto(e2e.setup);
  await page.getByRole('heading', { name: /Hello/ }).waitFor();
  await context.clearCookies();
  await signIn();
});
