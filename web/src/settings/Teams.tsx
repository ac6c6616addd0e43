import { Button, NativeSelect, TextInput } from '@mantine/core';
import { useState, type FormEvent } from 'react';
import { number } from '../fields/format';
import { t } from '../locale/t';
import { can, useMeta, type Rec } from '../meta/meta';
import { Empty, ErrorState, Letter, Loading } from '../ui/bits';
import { Link } from '../ui/Link';
import { Page } from './Page';
import { useRows, useSave } from './rows';

export default function Teams() {
  const e = useMeta().entity('team')!;
  const rows = useRows('teams', { sort: 'name', fields: 'id,name,parent' });
  const users = useRows('users', { fields: 'id,team', where: 'team is not empty and active' });
  const save = useSave();
  const [name, setName] = useState('');
  const [parent, setParent] = useState('');
  async function add(ev: FormEvent) { ev.preventDefault(); if (name.trim() && await save('POST', '/teams', { name: name.trim(), ...(parent && { parent: Number(parent) }) })) setName(''); }
  const members = (id: number) => users.data?.filter((u) => u.team?.id === id).length ?? 0;
  // one whose parent may not be seen stands at the top
  const all = rows.data ?? [];
  const under = (id: number | null) => all.filter((r) => (id === null ? !all.some((p) => p.id === r.parent?.id) : r.parent?.id === id));
  const branch = (list: Rec[], depth: number): React.ReactNode => list.length === 0 ? null : (
    <ul className={depth ? 'tree' : 'tree top'}>{list.map((r) => <li key={r.id}><span className="row"><Letter text={r.name} of={r.name} /><Link className="rowlink" href={`/e/${e.plural}/${r.id}`}>{r.name}</Link><small className="dim">{t('teams.members', { n: number(members(r.id)) })}</small></span>{depth < 20 && branch(under(r.id), depth + 1)}</li>)}</ul>
  );
  return (
    <Page title={t('set.teams')} help={t('teams.help')}>
      {rows.error ? <ErrorState error={rows.error} retry={() => void rows.refetch()} /> : !rows.data ? <Loading height={120} /> : all.length === 0 ? <Empty title={t('teams.none')} /> : branch(under(null), 0)}
      {can(e, 'create') && <form className="row" style={{ marginTop: 18, alignItems: 'flex-end' }} onSubmit={(ev) => void add(ev)}><TextInput label={t('teams.name')} value={name} onChange={(ev) => setName(ev.currentTarget.value)} /><NativeSelect label={t('teams.under')} data={[{ value: '', label: t('teams.top') }, ...all.map((r) => ({ value: String(r.id), label: r.name }))]} value={parent} onChange={(ev) => setParent(ev.currentTarget.value)} /><Button type="submit">{t('teams.add')}</Button></form>}
    </Page>
  );
}
