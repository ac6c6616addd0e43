import { Button, PasswordInput, Stack, TextInput, Title } from '@mantine/core';
import { useState, type FormEvent } from 'react';
import { getSession, Problem, signIn } from '../api/client';
import { t } from '../locale/t';
import { Complaint, useTitle } from '../ui/bits';

export default function SignIn({ again }: { again?: boolean }) {
  const [email, setEmail] = useState(getSession().user?.email ?? '');
  const [password, setPassword] = useState('');
  const [totp, setTotp] = useState('');
  const [asked, setAsked] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  useTitle(t('signin.title'));
  async function submit(ev: FormEvent) {
    ev.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await signIn(email.trim(), password, totp.trim());
    } catch (e) {
      if (e instanceof Problem && e.at('totp') && !asked) setAsked(true);
      else setError(e);
    } finally {
      setBusy(false);
    }
  }
  return (
    <main className="signin">
      <form onSubmit={(e) => void submit(e)}>
        <Stack gap="md">
          <span className="brand"><img src="/icon.svg" width="28" height="28" alt="" />Kith</span>
          <Title order={1} size="h3">{t('signin.title')}</Title>
          {again && <div>{t('signin.again')}</div>}
          <TextInput label={t('signin.email')} type="email" name="email" autoComplete="username" required autoFocus={!again} value={email} onChange={(e) => setEmail(e.currentTarget.value)} />
          <PasswordInput label={t('signin.password')} name="password" autoComplete="current-password" required autoFocus={again} value={password} onChange={(e) => setPassword(e.currentTarget.value)} visibilityToggleButtonProps={{ 'aria-label': t('signin.show') }} />
          {asked && <TextInput label={t('signin.totp')} name="totp" inputMode="numeric" autoComplete="one-time-code" required autoFocus value={totp} onChange={(e) => setTotp(e.currentTarget.value)} />}
          <Complaint error={error} />
          <Button type="submit" loading={busy}>{t('signin.go')}</Button>
        </Stack>
      </form>
    </main>
  );
}
