// The first page of an installation: the company, and the user who sets it up. Afterwards he is signed in.
import { Autocomplete, Button, Group, NativeSelect, PasswordInput, Stack, TextInput, Title } from '@mantine/core';
import { useMemo, useState, type FormEvent } from 'react';
import { Problem, setUp } from '../api/client';
import { language, languages, t } from '../locale/t';
import { Complaint, useTitle } from '../ui/bits';
import { zones } from '../ui/zones';

/** Where the browser seems to be: the region of its language. */
const region = () => { try { return new Intl.Locale(navigator.language).maximize().region ?? ''; } catch { return ''; } };
const EURO = new Set('AT BE BG CY DE EE ES FI FR GR HR IE IT LT LU LV MT NL PT SI SK'.split(' '));
const MONEY: Record<string, string> = { US: 'USD', GB: 'GBP', CH: 'CHF', SE: 'SEK', NO: 'NOK', DK: 'DKK', PL: 'PLN', CZ: 'CZK', JP: 'JPY', IN: 'INR', BR: 'BRL', CA: 'CAD', AU: 'AUD', TR: 'TRY' };
const moneyOf = (r: string) => MONEY[r] ?? (EURO.has(r) ? 'EUR' : 'EUR');

export default function SetUp() {
  const [v, setV] = useState(() => ({ company: '', name: '', email: '', password: '', currency: moneyOf(region()), zone: Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC', country: region(), language: language() }));
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const money = useMemo(() => Intl.supportedValuesOf('currency'), []);
  useTitle(t('setup.title'));
  const p = error instanceof Problem ? error : null;
  const at = (f: string) => p?.at(f);
  const set = (k: keyof typeof v) => (ev: { currentTarget: { value: string } }) => setV({ ...v, [k]: ev.currentTarget.value });
  async function submit(ev: FormEvent) {
    ev.preventDefault();
    setError(null);
    if (v.password.length < 10) return setError(new Problem(422, 'invalid', t('users.short'), [{ field: 'password', message: t('users.short') }], ''));
    setBusy(true);
    try {
      await setUp({ ...v, email: v.email.trim(), currency: v.currency.trim().toUpperCase(), country: v.country.trim().toUpperCase() }, new URLSearchParams(location.search).get('token') ?? '');
      location.assign('/welcome');
    } catch (x) { setError(x); setBusy(false); }
  }
  const shown = ['email', 'admin', 'password', 'currency', 'zone', 'country', 'language'].some(at);
  return (
    <main className="signin">
      <form onSubmit={(ev) => void submit(ev)} noValidate className="setup">
        <Stack gap="sm">
          <span className="brand"><img src="/icon.svg" width="28" height="28" alt="" />Kith</span>
          <Title order={1} size="h3">{t('setup.title')}</Title>
          <TextInput label={t('setup.company')} autoComplete="organization" autoFocus maxLength={200} value={v.company} onChange={set('company')} />
          <TextInput label={t('setup.name')} autoComplete="name" required maxLength={200} value={v.name} onChange={set('name')} />
          <TextInput label={t('signin.email')} type="email" autoComplete="username" required value={v.email} error={at('email') ?? at('admin')} onChange={set('email')} />
          <PasswordInput label={t('signin.password')} description={t('users.password.help')} autoComplete="new-password" required value={v.password} error={at('password')} onChange={set('password')} visibilityToggleButtonProps={{ 'aria-label': t('signin.show') }} />
          <Group grow align="flex-start">
            <Autocomplete label={t('setup.currency')} data={money} limit={8} maxLength={3} value={v.currency} error={at('currency')} onChange={(currency) => setV({ ...v, currency })} />
            <TextInput label={t('setup.country')} maxLength={2} value={v.country} error={at('country')} onChange={set('country')} />
          </Group>
          <NativeSelect label={t('setup.zone')} data={zones()} value={v.zone} error={at('zone')} onChange={set('zone')} />
          <NativeSelect label={t('look.language')} data={Object.entries(languages).map(([value, label]) => ({ value, label }))} value={v.language} error={at('language')} onChange={set('language')} />
          {!shown && <Complaint error={error} />}
          <Button type="submit" loading={busy} disabled={!v.name.trim() || !v.email.trim() || !v.password}>{t('setup.go')}</Button>
        </Stack>
      </form>
    </main>
  );
}
