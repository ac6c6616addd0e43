// One's own account: password, second factor, where one is signed in, tokens for programs.
import { ActionIcon, Button, Group, PasswordInput, Stack, TextInput, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { call, get, Problem } from '../api/client';
import { ago } from '../fields/format';
import { t } from '../locale/t';
import { Complaint } from '../ui/bits';
import { say } from '../ui/undo';
import { Page } from './Page';
import { useSave } from './rows';

function Password() {
  const [old, setOld] = useState('');
  const [fresh, setFresh] = useState('');
  const [error, setError] = useState<unknown>(null);
  const at = (f: string) => (error instanceof Problem ? error.at(f) : undefined);
  async function submit(ev: FormEvent) {
    ev.preventDefault();
    setError(null);
    try { await call('POST', '/me/password', { old_password: old, password: fresh }); setOld(''); setFresh(''); say('account', t('account.changed')); } catch (x) { setError(x); }
  }
  const show = { visibilityToggleButtonProps: { 'aria-label': t('signin.show') } };
  return (
    <form onSubmit={(ev) => void submit(ev)} aria-label={t('account.password')}>
      <Title order={2} size="h5" mb={6}>{t('account.password')}</Title>
      <Stack gap="xs" maw={340}>
        <PasswordInput label={t('account.old')} autoComplete="current-password" value={old} error={at('old_password')} onChange={(ev) => setOld(ev.currentTarget.value)} {...show} />
        <PasswordInput label={t('account.new')} description={t('users.password.help')} autoComplete="new-password" value={fresh} error={at('password')} onChange={(ev) => setFresh(ev.currentTarget.value)} {...show} />
        {error && !at('password') && !at('old_password') ? <Complaint error={error} /> : null}
        <Group><Button type="submit" variant="default" disabled={!old || !fresh}>{t('account.change')}</Button></Group>
      </Stack>
    </form>
  );
}

function SecondFactor() {
  const [secret, setSecret] = useState<{ secret: string; uri: string } | null>(null);
  const [code, setCode] = useState('');
  const [error, setError] = useState<unknown>(null);
  const begin = () => { setError(null); call<{ secret: string; uri: string }>('POST', '/me/totp', {}).then((r) => setSecret(r.data), setError); };
  const confirm = (ev: FormEvent) => { ev.preventDefault(); setError(null); call('PUT', '/me/totp', { code: code.trim() }).then(() => { setSecret(null); setCode(''); say('account', t('account.totp.on')); }, setError); };
  return (
    <section aria-label={t('account.totp')}>
      <Title order={2} size="h5" mb={6}>{t('account.totp')}</Title>
      {!secret ? <Button variant="default" onClick={begin}>{t('account.totp.begin')}</Button> : (
        <form onSubmit={confirm}><p>{t('account.totp.help')}</p><p><code>{secret.secret.replace(/(.{4})/g, '$1 ')}</code> · <a className="reflink" href={secret.uri}>{t('account.totp.open')}</a></p><div className="row"><TextInput aria-label={t('signin.totp')} placeholder="123456" inputMode="numeric" autoComplete="one-time-code" value={code} onChange={(ev) => setCode(ev.currentTarget.value)} /><Button type="submit">{t('account.totp.confirm')}</Button></div></form>
      )}
      <Complaint error={error} />
    </section>
  );
}

interface Token { id: number; name: string; scopes: string; created_at: string; used_at: string | null; expires_at: string | null }
interface Session { id: number; agent: string; address: string; created_at: string; seen_at: string; current: boolean }

function Tokens() {
  const save = useSave();
  const q = useQuery({ queryKey: ['settings', 'tokens'], queryFn: ({ signal }) => get<{ items: Token[] }>('/tokens', {}, signal) });
  const [name, setName] = useState('');
  const [scopes, setScopes] = useState('');
  const [shown, setShown] = useState('');
  async function add(ev: FormEvent) { ev.preventDefault(); const r = await save<{ token: string }>('POST', '/tokens', { name: name.trim(), ...(scopes.trim() && { scopes: scopes.trim() }) }); if (r) { setShown(r.token); setName(''); setScopes(''); } }
  return (
    <section aria-label={t('account.tokens')}>
      <Title order={2} size="h5" mb={6}>{t('account.tokens')}</Title>
      <p className="dim">{t('account.tokens.help')}</p>
      {shown && <p role="status">{t('account.token.once')} <code style={{ overflowWrap: 'anywhere' }}>{shown}</code></p>}
      <ul className="plainlist">{(q.data?.items ?? []).map((x) => <li key={x.id} style={{ alignItems: 'center' }}><b className="grow cut">{x.name}</b><small className="dim">{x.scopes || t('account.everything')} · {x.used_at ? t('account.used', { when: ago(x.used_at) }) : t('account.unused')}</small><ActionIcon variant="subtle" color="gray" aria-label={t('account.revoke', { name: x.name })} onClick={() => void save('DELETE', `/tokens/${x.id}`)}>✕</ActionIcon></li>)}</ul>
      <form className="row" style={{ marginTop: 8 }} onSubmit={(ev) => void add(ev)}><TextInput size="xs" aria-label={t('account.token.name')} placeholder={t('account.token.name')} value={name} onChange={(ev) => setName(ev.currentTarget.value)} /><TextInput size="xs" aria-label={t('account.scopes')} placeholder="contacts:read, companies:write" value={scopes} onChange={(ev) => setScopes(ev.currentTarget.value)} /><Button size="xs" type="submit" disabled={!name.trim()}>{t('account.token.add')}</Button></form>
    </section>
  );
}

function Sessions() {
  const save = useSave();
  const q = useQuery({ queryKey: ['settings', 'sessions'], queryFn: ({ signal }) => get<{ items: Session[] }>('/sessions', {}, signal) });
  return (
    <section aria-label={t('account.sessions')}>
      <Title order={2} size="h5" mb={6}>{t('account.sessions')}</Title>
      <ul className="plainlist">{(q.data?.items ?? []).map((x) => <li key={x.id} style={{ alignItems: 'center' }}><span className="grow cut" title={x.agent}>{x.agent || '–'}</span><small className="dim">{x.address} · {x.current ? t('account.here') : x.seen_at ? ago(x.seen_at) : ''}</small>{!x.current && <ActionIcon variant="subtle" color="gray" aria-label={t('account.end', { name: x.address })} onClick={() => void save('DELETE', `/sessions/${x.id}`)}>✕</ActionIcon>}</li>)}</ul>
    </section>
  );
}

export default function Account() {
  return <Page title={t('set.account')}><Stack gap="xl" mt="md"><Password /><SecondFactor /><Sessions /><Tokens /></Stack></Page>;
}
