// What a chosen user would see and could do, from his own compiled rights. It follows each change of the matrix above it.
import { NativeSelect, Switch, Table, Title } from '@mantine/core';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { get } from '../api/client';
import { number } from '../fields/format';
import { t, type Key } from '../locale/t';
import { useMeta } from '../meta/meta';
import { ErrorState, Loading } from '../ui/bits';
import { useRows } from './rows';
import { ScrollX } from '../ui/ScrollX';

const RIGHTS = ['read', 'create', 'update', 'delete', 'export', 'import', 'bulk'] as const;
const LISTED = 12;
interface Seen { name: string; records: number; of: number; rights: Record<string, string>; conditional: boolean; hidden: string[]; read_only: string[]; actions: string[] }
interface Preview { user: { id: number; name: string; admin: boolean; may_explain: boolean; may_customise: boolean }; entities: Seen[]; actions: string[] }

export function SeeAs() {
  const meta = useMeta();
  const users = useRows('users', { where: 'active = true', fields: 'id,name', sort: 'name' });
  const [user, setUser] = useState('');
  const [all, setAll] = useState(false);
  // among the settings, so that what is saved above asks it again
  const q = useQuery({ queryKey: ['settings', 'access', user], enabled: !!user, placeholderData: keepPreviousData, queryFn: ({ signal }) => get<Preview>('/access', { user }, signal) });
  const some = (list: string[]) => list.slice(0, LISTED).join(', ') + (list.length > LISTED ? ` ${t('seeas.more', { n: list.length - LISTED })}` : '');
  const fields = (e: Seen, names: string[]) => some(names.map((n) => meta.entity(e.name)?.fields.find((f) => f.name === n)?.label ?? n));
  // what people work with first, the engine's own last
  const nav = meta.nav(), place = new Map([...nav.all, ...nav.system].map((e, i) => [e.name, i]));
  const rows = (q.data?.entities ?? []).filter((e) => meta.entity(e.name) && (all || e.records > 0 || RIGHTS.some((r) => e.rights[r] !== 'none'))).sort((a, b) => (place.get(a.name) ?? 0) - (place.get(b.name) ?? 0));
  return (
    <section aria-label={t('seeas.title')} style={{ marginTop: 30 }}>
      <Title order={2} size="h5" mb={4}>{t('seeas.title')}</Title>
      <p>{t('seeas.help')}</p>
      <div className="row">
        <NativeSelect aria-label={t('seeas.choose')} data={[{ value: '', label: t('seeas.choose') }, ...(users.data ?? []).map((u) => ({ value: String(u.id), label: u.name as string }))]} value={user} onChange={(ev) => setUser(ev.currentTarget.value)} />
        {user && <Switch label={t('seeas.all')} checked={all} onChange={(ev) => setAll(ev.currentTarget.checked)} />}
      </div>
      {!user ? null : q.error ? <ErrorState error={q.error} retry={() => void q.refetch()} /> : !q.data ? <Loading height={160} mt="sm" /> : (
        <>
          <p role="status">{[q.data.user.admin && t('seeas.admin', { name: q.data.user.name }), !q.data.user.admin && q.data.user.may_explain && t('seeas.explain'), !q.data.user.admin && q.data.user.may_customise && t('seeas.customise')].filter(Boolean).join(' ')}</p>
          <ScrollX label={`${t('seeas.title')} ${q.data.user.name}`}>
            <Table verticalSpacing={5} className="seeas">
              <Table.Thead><Table.Tr><Table.Th>{t('roles.object')}</Table.Th><Table.Th ta="end">{t('seeas.records')}</Table.Th>{RIGHTS.map((r) => <Table.Th key={r}>{t(`right.${r}` as Key)}</Table.Th>)}<Table.Th>{t('seeas.fields')}</Table.Th><Table.Th>{t('seeas.actions')}</Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>
                {rows.map((e) => (
                  <Table.Tr key={e.name} data-entity={e.name}>
                    <Table.Th scope="row">{meta.entity(e.name)!.label_plural}{e.conditional && <small className="dim"> {t('seeas.condition')}</small>}</Table.Th>
                    <Table.Td ta="end" className="num" style={{ whiteSpace: 'nowrap' }}>{t('seeas.of', { n: number(e.records), all: number(e.of) })}</Table.Td>
                    {RIGHTS.map((r) => <Table.Td key={r} className={e.rights[r] === 'none' ? 'dim' : undefined}>{t(`level.${e.rights[r]}` as Key)}</Table.Td>)}
                    <Table.Td>{e.hidden.length > 0 && <div>{t('seeas.hidden', { list: fields(e, e.hidden) })}</div>}{e.read_only.length > 0 && <div className="dim">{t('seeas.read', { list: fields(e, e.read_only) })}</div>}</Table.Td>
                    <Table.Td>{some(e.actions)}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </ScrollX>
        </>
      )}
    </section>
  );
}
