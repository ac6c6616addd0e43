// What modules let one set: for oneself, or for all where one may. The narrowest one that is set holds.
import { Button, NativeSelect, PasswordInput, Switch, TextInput, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { get } from '../api/client';
import { t, type Key } from '../locale/t';
import { useMeta } from '../meta/meta';
import { ErrorState, Loading } from '../ui/bits';
import { say } from '../ui/undo';
import { Page } from './Page';
import { useSave } from './rows';

interface Value { name: string; kind: string; help: string; scope: string; label: string; from: string; value?: unknown; set?: boolean; choices?: { code: string; label: string }[]; elsewhere?: boolean }
const SCOPES = ['installation', 'organisation', 'team', 'user'];

function One({ v, may }: { v: Value; may: boolean }) {
  const save = useSave();
  const secret = v.set !== undefined && v.value === undefined;
  const [now, setNow] = useState<any>(v.value ?? '');
  const changed = secret ? now !== '' : now !== (v.value ?? '');
  async function put(value: unknown) {
    if (await save('PUT', '/settings', { name: v.name, scope: v.scope, value })) { say('values', t('values.saved', { name: v.label })); if (secret) setNow(''); }
  }
  const common = { 'aria-label': v.label, disabled: !may };
  return (
    <form className="valuerow" onSubmit={(ev) => { ev.preventDefault(); void put(now === '' ? null : now); }}>
      <div><b>{v.label}</b><div className="dim">{v.help}</div></div>
      <div className="row" style={{ flexWrap: 'nowrap' }}>
        {v.kind === 'yes_no' ? <Switch {...common} checked={now === true} onChange={(ev) => { setNow(ev.currentTarget.checked); void put(ev.currentTarget.checked); }} />
          : v.choices ? <NativeSelect {...common} size="xs" className="grow" data={v.choices.map((c) => ({ value: c.code, label: c.label }))} value={String(now)} onChange={(ev) => { const to = v.kind === 'integer' ? Number(ev.currentTarget.value) : ev.currentTarget.value; setNow(to); void put(to); }} />
          : v.kind === 'integer' ? <TextInput {...common} inputMode="numeric" size="xs" className="grow" value={String(now)} onChange={(ev) => { const s = ev.currentTarget.value.trim(); setNow(/^-?\d+$/.test(s) ? Number(s) : s); }} />
            : secret ? <PasswordInput {...common} size="xs" autoComplete="off" placeholder={v.set ? t('values.kept') : ''} value={now} visibilityToggleButtonProps={{ 'aria-label': t('signin.show') }} onChange={(ev) => setNow(ev.currentTarget.value)} style={{ flex: 1 }} />
              : <TextInput {...common} size="xs" className="grow" value={typeof now === 'string' ? now : JSON.stringify(now)} onChange={(ev) => setNow(ev.currentTarget.value)} />}
        {changed && v.kind !== 'yes_no' && !v.choices && <Button type="submit" size="xs">{t('save')}</Button>}
      </div>
    </form>
  );
}

export default function Values() {
  const admin = useMeta().raw.user.admin;
  const q = useQuery({ queryKey: ['settings', 'values'], queryFn: ({ signal }) => get<{ items: Value[] }>('/settings', {}, signal) });
  return (
    <Page title={t('set.values')} help={t('values.help')}>
      {q.error ? <ErrorState error={q.error} retry={() => void q.refetch()} /> : !q.data ? <Loading height={160} /> : SCOPES.map((scope) => {
        const some = q.data.items.filter((v) => v.scope === scope && !v.elsewhere);
        return some.length > 0 && <section key={scope} aria-label={t(`values.scope.${scope}` as Key)}><Title order={2} size="h5" mt="lg">{t(`values.scope.${scope}` as Key)}</Title>{some.map((v) => <One key={v.name + String(v.value)} v={v} may={admin || scope === 'user'} />)}</section>;
      })}
    </Page>
  );
}
