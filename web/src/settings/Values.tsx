// What modules let one set: for oneself, or for all where one may. The narrowest one that is set holds.
import { Button, PasswordInput, Switch, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { get } from '../api/client';
import { t, type Key } from '../locale/t';
import { useMeta } from '../meta/meta';
import { ErrorState, Loading } from '../ui/bits';
import { say } from '../ui/undo';
import { Page } from './Page';
import { useSave } from './rows';

interface Value { name: string; kind: string; help: string; scope: string; from: string; value?: unknown; set?: boolean }
const words = (s: string) => { const w = s.replace(/[._]/g, ' '); return w.charAt(0).toUpperCase() + w.slice(1); };

function One({ v, may }: { v: Value; may: boolean }) {
  const save = useSave();
  const secret = v.set !== undefined && v.value === undefined;
  const [now, setNow] = useState<any>(v.value ?? '');
  const changed = secret ? now !== '' : now !== (v.value ?? '');
  async function put(value: unknown) {
    if (await save('PUT', '/settings', { name: v.name, scope: v.scope, value })) { say('values', t('values.saved', { name: words(v.name) })); if (secret) setNow(''); }
  }
  const common = { 'aria-label': words(v.name), disabled: !may };
  return (
    <form className="valuerow" onSubmit={(ev) => { ev.preventDefault(); void put(now === '' ? null : now); }}>
      <div><b>{words(v.name)}</b><div className="dim">{v.help} {t(`values.scope.${v.scope}` as Key)}</div></div>
      <div className="row" style={{ flexWrap: 'nowrap' }}>
        {v.kind === 'yes_no' ? <Switch {...common} checked={now === true} onChange={(ev) => { setNow(ev.currentTarget.checked); void put(ev.currentTarget.checked); }} />
          : v.kind === 'integer' ? <TextInput {...common} inputMode="numeric" size="xs" className="grow" value={String(now)} onChange={(ev) => { const s = ev.currentTarget.value.trim(); setNow(/^-?\d+$/.test(s) ? Number(s) : s); }} />
            : secret ? <PasswordInput {...common} size="xs" autoComplete="off" placeholder={v.set ? t('values.kept') : ''} value={now} visibilityToggleButtonProps={{ 'aria-label': t('signin.show') }} onChange={(ev) => setNow(ev.currentTarget.value)} style={{ flex: 1 }} />
              : <TextInput {...common} size="xs" className="grow" value={typeof now === 'string' ? now : JSON.stringify(now)} onChange={(ev) => setNow(ev.currentTarget.value)} />}
        {changed && v.kind !== 'yes_no' && <Button type="submit" size="xs">{t('save')}</Button>}
      </div>
    </form>
  );
}

export default function Values() {
  const admin = useMeta().raw.user.admin;
  const q = useQuery({ queryKey: ['settings', 'values'], queryFn: ({ signal }) => get<{ items: Value[] }>('/settings', {}, signal) });
  return (
    <Page title={t('set.values')} help={t('values.help')}>
      {q.error ? <ErrorState error={q.error} retry={() => void q.refetch()} /> : !q.data ? <Loading height={160} /> : q.data.items.map((v) => <One key={v.name + String(v.value)} v={v} may={admin || v.scope === 'user'} />)}
    </Page>
  );
}
